package dev.llmgateway.v1

import dev.llmgateway.v1.LLMGatewayGrpc.getServiceDescriptor
import io.grpc.CallOptions
import io.grpc.CallOptions.DEFAULT
import io.grpc.Channel
import io.grpc.Metadata
import io.grpc.MethodDescriptor
import io.grpc.ServerServiceDefinition
import io.grpc.ServerServiceDefinition.builder
import io.grpc.ServiceDescriptor
import io.grpc.Status.UNIMPLEMENTED
import io.grpc.StatusException
import io.grpc.kotlin.AbstractCoroutineServerImpl
import io.grpc.kotlin.AbstractCoroutineStub
import io.grpc.kotlin.ClientCalls.serverStreamingRpc
import io.grpc.kotlin.ClientCalls.unaryRpc
import io.grpc.kotlin.ServerCalls.serverStreamingServerMethodDefinition
import io.grpc.kotlin.ServerCalls.unaryServerMethodDefinition
import io.grpc.kotlin.StubFor
import kotlin.String
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.jvm.JvmOverloads
import kotlin.jvm.JvmStatic
import kotlinx.coroutines.flow.Flow

/**
 * Holder for Kotlin coroutine-based client and server APIs for llmgateway.v1.LLMGateway.
 */
public object LLMGatewayGrpcKt {
  public const val SERVICE_NAME: String = LLMGatewayGrpc.SERVICE_NAME

  @JvmStatic
  public val serviceDescriptor: ServiceDescriptor
    get() = getServiceDescriptor()

  public val generateMethod: MethodDescriptor<GenerateRequest, GenerateResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getGenerateMethod()

  public val streamGenerateMethod: MethodDescriptor<GenerateRequest, StreamGenerateResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getStreamGenerateMethod()

  public val compareMethod: MethodDescriptor<CompareRequest, CompareResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getCompareMethod()

  public val embedMethod: MethodDescriptor<EmbedRequest, EmbedResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getEmbedMethod()

  public val rerankMethod: MethodDescriptor<RerankRequest, RerankResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getRerankMethod()

  public val countTokensMethod: MethodDescriptor<CountTokensRequest, CountTokensResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getCountTokensMethod()

  public val explainRouteMethod: MethodDescriptor<ExplainRouteRequest, ExplainRouteResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getExplainRouteMethod()

  public val getModelMethod: MethodDescriptor<GetModelRequest, GetModelResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getGetModelMethod()

  public val listModelsMethod: MethodDescriptor<ListModelsRequest, ListModelsResponse>
    @JvmStatic
    get() = LLMGatewayGrpc.getListModelsMethod()

  /**
   * A stub for issuing RPCs to a(n) llmgateway.v1.LLMGateway service as suspending coroutines.
   */
  @StubFor(LLMGatewayGrpc::class)
  public class LLMGatewayCoroutineStub @JvmOverloads constructor(
    channel: Channel,
    callOptions: CallOptions = DEFAULT,
  ) : AbstractCoroutineStub<LLMGatewayCoroutineStub>(channel, callOptions) {
    override fun build(channel: Channel, callOptions: CallOptions): LLMGatewayCoroutineStub = LLMGatewayCoroutineStub(channel, callOptions)

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun generate(request: GenerateRequest, headers: Metadata = Metadata()): GenerateResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getGenerateMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Returns a [Flow] that, when collected, executes this RPC and emits responses from the
     * server as they arrive.  That flow finishes normally if the server closes its response with
     * [`Status.OK`][io.grpc.Status], and fails by throwing a [StatusException] otherwise.  If
     * collecting the flow downstream fails exceptionally (including via cancellation), the RPC
     * is cancelled with that exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return A flow that, when collected, emits the responses from the server.
     */
    public fun streamGenerate(request: GenerateRequest, headers: Metadata = Metadata()): Flow<StreamGenerateResponse> = serverStreamingRpc(
      channel,
      LLMGatewayGrpc.getStreamGenerateMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Returns a [Flow] that, when collected, executes this RPC and emits responses from the
     * server as they arrive.  That flow finishes normally if the server closes its response with
     * [`Status.OK`][io.grpc.Status], and fails by throwing a [StatusException] otherwise.  If
     * collecting the flow downstream fails exceptionally (including via cancellation), the RPC
     * is cancelled with that exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return A flow that, when collected, emits the responses from the server.
     */
    public fun compare(request: CompareRequest, headers: Metadata = Metadata()): Flow<CompareResponse> = serverStreamingRpc(
      channel,
      LLMGatewayGrpc.getCompareMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun embed(request: EmbedRequest, headers: Metadata = Metadata()): EmbedResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getEmbedMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun rerank(request: RerankRequest, headers: Metadata = Metadata()): RerankResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getRerankMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun countTokens(request: CountTokensRequest, headers: Metadata = Metadata()): CountTokensResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getCountTokensMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun explainRoute(request: ExplainRouteRequest, headers: Metadata = Metadata()): ExplainRouteResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getExplainRouteMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun getModel(request: GetModelRequest, headers: Metadata = Metadata()): GetModelResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getGetModelMethod(),
      request,
      callOptions,
      headers
    )

    /**
     * Executes this RPC and returns the response message, suspending until the RPC completes
     * with [`Status.OK`][io.grpc.Status].  If the RPC completes with another status, a corresponding
     * [StatusException] is thrown.  If this coroutine is cancelled, the RPC is also cancelled
     * with the corresponding exception as a cause.
     *
     * @param request The request message to send to the server.
     *
     * @param headers Metadata to attach to the request.  Most users will not need this.
     *
     * @return The single response from the server.
     */
    public suspend fun listModels(request: ListModelsRequest, headers: Metadata = Metadata()): ListModelsResponse = unaryRpc(
      channel,
      LLMGatewayGrpc.getListModelsMethod(),
      request,
      callOptions,
      headers
    )
  }

  /**
   * Skeletal implementation of the llmgateway.v1.LLMGateway service based on Kotlin coroutines.
   */
  public abstract class LLMGatewayCoroutineImplBase(
    coroutineContext: CoroutineContext = EmptyCoroutineContext,
  ) : AbstractCoroutineServerImpl(coroutineContext) {
    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.Generate.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun generate(request: GenerateRequest): GenerateResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.Generate is unimplemented"))

    /**
     * Returns a [Flow] of responses to an RPC for llmgateway.v1.LLMGateway.StreamGenerate.
     *
     * If creating or collecting the returned flow fails with a [StatusException], the RPC
     * will fail with the corresponding [io.grpc.Status].  If it fails with a
     * [java.util.concurrent.CancellationException], the RPC will fail with status `Status.CANCELLED`.  If creating
     * or collecting the returned flow fails for any other reason, the RPC will fail with
     * `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open fun streamGenerate(request: GenerateRequest): Flow<StreamGenerateResponse> = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.StreamGenerate is unimplemented"))

    /**
     * Returns a [Flow] of responses to an RPC for llmgateway.v1.LLMGateway.Compare.
     *
     * If creating or collecting the returned flow fails with a [StatusException], the RPC
     * will fail with the corresponding [io.grpc.Status].  If it fails with a
     * [java.util.concurrent.CancellationException], the RPC will fail with status `Status.CANCELLED`.  If creating
     * or collecting the returned flow fails for any other reason, the RPC will fail with
     * `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open fun compare(request: CompareRequest): Flow<CompareResponse> = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.Compare is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.Embed.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun embed(request: EmbedRequest): EmbedResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.Embed is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.Rerank.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun rerank(request: RerankRequest): RerankResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.Rerank is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.CountTokens.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun countTokens(request: CountTokensRequest): CountTokensResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.CountTokens is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.ExplainRoute.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun explainRoute(request: ExplainRouteRequest): ExplainRouteResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.ExplainRoute is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.GetModel.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun getModel(request: GetModelRequest): GetModelResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.GetModel is unimplemented"))

    /**
     * Returns the response to an RPC for llmgateway.v1.LLMGateway.ListModels.
     *
     * If this method fails with a [StatusException], the RPC will fail with the corresponding
     * [io.grpc.Status].  If this method fails with a [java.util.concurrent.CancellationException], the RPC will fail
     * with status `Status.CANCELLED`.  If this method fails for any other reason, the RPC will
     * fail with `Status.UNKNOWN` with the exception as a cause.
     *
     * @param request The request from the client.
     */
    public open suspend fun listModels(request: ListModelsRequest): ListModelsResponse = throw StatusException(UNIMPLEMENTED.withDescription("Method llmgateway.v1.LLMGateway.ListModels is unimplemented"))

    final override fun bindService(): ServerServiceDefinition = builder(getServiceDescriptor())
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getGenerateMethod(),
      implementation = ::generate
    ))
      .addMethod(serverStreamingServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getStreamGenerateMethod(),
      implementation = ::streamGenerate
    ))
      .addMethod(serverStreamingServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getCompareMethod(),
      implementation = ::compare
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getEmbedMethod(),
      implementation = ::embed
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getRerankMethod(),
      implementation = ::rerank
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getCountTokensMethod(),
      implementation = ::countTokens
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getExplainRouteMethod(),
      implementation = ::explainRoute
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getGetModelMethod(),
      implementation = ::getModel
    ))
      .addMethod(unaryServerMethodDefinition(
      context = this.context,
      descriptor = LLMGatewayGrpc.getListModelsMethod(),
      implementation = ::listModels
    )).build()
  }
}
