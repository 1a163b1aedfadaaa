// Asks a model, embeds texts, sorts documents and counts tokens.

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "llmgateway/v1/gateway.grpc.pb.h"

namespace {

namespace v1 = llmgateway::v1;
using Stub = v1::LLMGateway::Stub;

constexpr std::chrono::seconds kTimeout{30};
constexpr int kMaxAnswerBytes = 64 << 20;

// Returns the detail of this type that a status carries, if any.
template <typename Detail>
std::optional<Detail> FindDetail(const grpc::Status& status) {
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return std::nullopt;
  Detail found;
  for (const auto& detail : rich.details()) {
    if (detail.UnpackTo(&found)) return found;
  }
  return std::nullopt;
}

// Says what failed: the gateway's reason where it gave one, to branch on, and its sentence.
std::string Describe(const grpc::Status& status) {
  std::string text = status.error_message();
  if (const auto info = FindDetail<google::rpc::ErrorInfo>(status)) {
    text += " [" + info->reason() + "]";
  }
  if (const auto retry = FindDetail<google::rpc::RetryInfo>(status)) {
    text += " Try again in " + std::to_string(retry->retry_delay().seconds()) + " s.";
  }
  return text;
}

// The gateway, asked for one answer at a time.
class Gateway {
 public:
  Gateway(const std::string& target, std::optional<std::string> key) : key_(std::move(key)) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
    stub_ = v1::LLMGateway::NewStub(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  }

  // Calls one RPC, for example `&Stub::Generate`. Throws std::runtime_error with the reason.
  template <typename Request, typename Response>
  Response Call(grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    if (key_) context.AddMetadata("authorization", "Bearer " + *key_);
    Response response;
    const grpc::Status status = (*stub_.*rpc)(&context, request, &response);
    if (!status.ok()) throw std::runtime_error(Describe(status));
    return response;
  }

 private:
  std::optional<std::string> key_;
  std::unique_ptr<Stub> stub_;
};

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void AddMessage(v1::GenerateRequest& request, v1::Role role, const std::string& text) {
  v1::ChatMessage& message = *request.add_messages();
  message.set_role(role);
  message.add_parts()->set_text(text);
}

// Returns the text of an answer's first candidate.
std::string TextOf(const v1::GenerateResponse& answer) {
  std::string text;
  if (answer.candidates().empty()) return text;
  for (const auto& part : answer.candidates(0).message().parts()) text += part.text();
  return text;
}

void Generate(const Gateway& gateway) {
  v1::GenerateRequest request;
  request.set_model("mock/echo");
  AddMessage(request, v1::ROLE_SYSTEM, "Be kind.");
  AddMessage(request, v1::ROLE_USER, "Hello, gateway!");
  request.mutable_sampling()->set_temperature(0.5);
  const auto answer = gateway.Call(&Stub::Generate, request);
  std::cout << TextOf(answer) << '\n'
            << answer.call().provider() << '/' << answer.call().model() << ": "
            << answer.usage().input_token_count() << " tokens in, "
            << answer.usage().output_token_count() << " out\n";
}

void Embed(const Gateway& gateway) {
  v1::EmbedRequest request;
  request.set_model("mock/embed");
  request.add_inputs()->set_text("one");
  request.add_inputs()->set_text("two");
  request.set_dimension_count(4);
  const auto embedded = gateway.Call(&Stub::Embed, request);
  std::cout << embedded.embeddings_size() << " vectors of " << embedded.embeddings(0).values_size()
            << " numbers\n";
}

void Rerank(const Gateway& gateway) {
  v1::RerankRequest request;
  request.set_model("mock/rerank");
  request.set_query("How long is the river?");
  for (const char* document : {"The mountain is high.", "The river is long.", "The city is old."}) {
    request.add_documents(document);
  }
  request.set_result_count(1);
  const auto ranked = gateway.Call(&Stub::Rerank, request);
  std::cout << "best document: " << request.documents(ranked.results(0).index()) << '\n';
}

void CountAndExplain(const Gateway& gateway) {
  v1::GenerateRequest generation;
  generation.set_model("mock/echo");
  AddMessage(generation, v1::ROLE_USER, "Hello, gateway!");

  v1::CountTokensRequest to_count;
  *to_count.mutable_generation() = generation;
  const auto counted = gateway.Call(&Stub::CountTokens, to_count);
  std::cout << counted.input_token_count() << " tokens to read\n";

  v1::ExplainRouteRequest to_explain;
  *to_explain.mutable_generation() = std::move(generation);
  const auto explained = gateway.Call(&Stub::ExplainRoute, to_explain);
  const v1::TargetOutcome& target = explained.targets(0);
  std::cout << "would go to: " << target.provider() << '/' << target.model() << '\n';
}

// Looks for a model on each page of the list.
bool IsListed(const Gateway& gateway, const std::string& id) {
  v1::ListModelsRequest request;
  do {
    const auto page = gateway.Call(&Stub::ListModels, request);
    for (const auto& model : page.models()) {
      if (model.id() == id) return true;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return false;
}

void LookUp(const Gateway& gateway) {
  v1::GetModelRequest request;
  request.set_id("mock/echo");
  std::cout << "known: " << gateway.Call(&Stub::GetModel, request).model().id() << '\n'
            << "listed: " << std::boolalpha << IsListed(gateway, "mock/echo") << '\n';
}

}  // namespace

int main() {
  try {
    const Gateway gateway(Variable("LLMGATEWAY_TARGET").value_or("127.0.0.1:50051"),
                          Variable("LLMGATEWAY_KEY"));
    Generate(gateway);
    Embed(gateway);
    Rerank(gateway);
    CountAndExplain(gateway);
    LookUp(gateway);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
