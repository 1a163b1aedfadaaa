package dev.llmgateway.samples

import dev.llmgateway.v1.LLMGatewayGrpcKt.LLMGatewayCoroutineStub
import dev.llmgateway.v1.Role
import dev.llmgateway.v1.chatMessage
import dev.llmgateway.v1.countTokensRequest
import dev.llmgateway.v1.embedInput
import dev.llmgateway.v1.embedRequest
import dev.llmgateway.v1.explainRouteRequest
import dev.llmgateway.v1.generateRequest
import dev.llmgateway.v1.getModelRequest
import dev.llmgateway.v1.listModelsRequest
import dev.llmgateway.v1.part
import dev.llmgateway.v1.rerankRequest
import dev.llmgateway.v1.sampling
import io.grpc.Grpc
import io.grpc.InsecureChannelCredentials
import io.grpc.Metadata
import io.grpc.stub.MetadataUtils
import kotlinx.coroutines.runBlocking
import java.util.concurrent.TimeUnit

/** Asks a model, embeds texts, sorts documents and counts tokens. */
fun main() {
    val target = System.getenv("LLMGATEWAY_TARGET") ?: "127.0.0.1:50051"
    val channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build()
    val headers = Metadata()
    System.getenv("LLMGATEWAY_KEY")?.let {
        headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer $it")
    }
    val gateway =
        LLMGatewayCoroutineStub(channel).withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
    try {
        runBlocking { run(gateway) }
    } finally {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS)
    }
}

private suspend fun run(gateway: LLMGatewayCoroutineStub) {
    val question = message(Role.ROLE_USER, "Hello, gateway!")
    val request =
        generateRequest {
            model = "mock/echo"
            messages += question
        }

    val answer =
        gateway.generate(
            generateRequest {
                model = "mock/echo"
                messages += message(Role.ROLE_SYSTEM, "Be kind.")
                messages += question
                sampling = sampling { temperature = 0.5 }
            },
        )
    println(
        answer.candidatesList[0]
            .message.partsList
            .filter { it.hasText() }
            .joinToString("") { it.text },
    )
    val usage = answer.usage
    println("${answer.call.provider}/${answer.call.model}: ${usage.inputTokenCount} tokens in, ${usage.outputTokenCount} out")

    val embedded =
        gateway.embed(
            embedRequest {
                model = "mock/embed"
                inputs += listOf("one", "two").map { embedInput { text = it } }
                dimensionCount = 4
            },
        )
    println("${embedded.embeddingsCount} vectors of ${embedded.embeddingsList[0].valuesCount} numbers")

    val texts = listOf("The mountain is high.", "The river is long.", "The city is old.")
    val ranked =
        gateway.rerank(
            rerankRequest {
                model = "mock/rerank"
                query = "How long is the river?"
                documents += texts
                resultCount = 1
            },
        )
    println("best document: ${texts[ranked.resultsList[0].index]}")

    val counted = gateway.countTokens(countTokensRequest { generation = request })
    println("${counted.inputTokenCount} tokens to read")

    val first = gateway.explainRoute(explainRouteRequest { generation = request }).targetsList[0]
    println("would go to: ${first.provider}/${first.model}")

    println("known: ${gateway.getModel(getModelRequest { id = "mock/echo" }).model.id}")
    val page = gateway.listModels(listModelsRequest { pageSize = 1000 })
    println("listed: ${page.modelsList.any { it.id == "mock/echo" }}")
}

private fun message(
    by: Role,
    words: String,
) = chatMessage {
    role = by
    parts += part { text = words }
}
