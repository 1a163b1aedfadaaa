# frozen_string_literal: true

# Asks a model, embeds texts, sorts documents and counts tokens.

require "google/protobuf/well_known_types" # without it, details of errors cannot be unpacked
require "google/rpc/error_details_pb"
require "llmgateway/v1/gateway_services_pb"

V1 = LlmGateway::V1

TIMEOUT_S = 30
MAX_ANSWER_BYTES = 64 << 20

def message(role, text)
  V1::ChatMessage.new(role: role, parts: [V1::Part.new(text: text)])
end

def user_says(text, **more)
  V1::GenerateRequest.new(model: "mock/echo", messages: [message(:ROLE_USER, text)], **more)
end

def text_of(answer)
  answer.candidates.first.message.parts.map(&:text).join
end

# The ids of all pages.
def model_ids(gateway, options)
  ids = []
  request = V1::ListModelsRequest.new
  loop do
    page = gateway.list_models(request, **options)
    ids.concat(page.models.map(&:id))
    return ids if page.next_page_token.empty?

    request.page_token = page.next_page_token
  end
end

# The detail of a class that an error carries; nil if it carries none.
def detail(error, kind)
  error.to_rpc_status&.details&.filter_map { |any| any.unpack(kind) }&.first
end

def describe(error)
  reason = detail(error, Google::Rpc::ErrorInfo)&.reason
  retry_delay = detail(error, Google::Rpc::RetryInfo)&.retry_delay
  [error.details, reason && "[#{reason}]", retry_delay && "Try again in #{retry_delay.seconds} s."].compact.join(" ")
end

gateway = V1::LLMGateway::Stub.new(
  ENV.fetch("LLMGATEWAY_TARGET", "127.0.0.1:50051"),
  :this_channel_is_insecure,
  timeout: TIMEOUT_S,
  channel_args: { "grpc.max_receive_message_length" => MAX_ANSWER_BYTES }
)
key = ENV.fetch("LLMGATEWAY_KEY", nil)
options = { metadata: key ? { "authorization" => "Bearer #{key}" } : {} }

begin
  question = user_says("Hello, gateway!", sampling: V1::Sampling.new(temperature: 0.5))
  question.messages.unshift(message(:ROLE_SYSTEM, "Be kind."))
  answer = gateway.generate(question, **options)
  puts text_of(answer)
  call = answer.call
  usage = answer.usage
  puts "#{call.provider}/#{call.model}: #{usage.input_token_count} tokens in, #{usage.output_token_count} out"

  inputs = %w[one two].map { |text| V1::EmbedInput.new(text: text) }
  embedded = gateway.embed(V1::EmbedRequest.new(model: "mock/embed", inputs: inputs, dimension_count: 4), **options)
  puts "#{embedded.embeddings.size} vectors of #{embedded.embeddings.first.values.size} numbers"

  documents = ["The mountain is high.", "The river is long.", "The city is old."]
  ranked = gateway.rerank(
    V1::RerankRequest.new(model: "mock/rerank", query: "How long is the river?", documents: documents, result_count: 1),
    **options
  )
  puts "best document: #{documents[ranked.results.first.index]}"

  generation = user_says("Hello, gateway!")
  counted = gateway.count_tokens(V1::CountTokensRequest.new(generation: generation), **options)
  puts "#{counted.input_token_count} tokens to read"

  explained = gateway.explain_route(V1::ExplainRouteRequest.new(generation: generation), **options)
  puts "would go to: #{explained.targets.first.provider}/#{explained.targets.first.model}"

  puts "known: #{gateway.get_model(V1::GetModelRequest.new(id: 'mock/echo'), **options).model.id}"
  puts "listed: #{model_ids(gateway, options).include?('mock/echo')}"
rescue GRPC::BadStatus => e
  abort describe(e)
end
