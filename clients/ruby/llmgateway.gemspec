# frozen_string_literal: true

Gem::Specification.new do |spec|
  spec.name = "llmgateway"
  spec.version = "0.1.0"
  spec.summary = "The messages and the gRPC stub of llmgateway's contract"
  spec.description = "Calls an LLM gateway by its typed gRPC contract, llmgateway.v1: generated code, and no more."
  spec.authors = ["The llmgateway authors"]
  spec.homepage = "https://github.com/llmgateway/llmgateway"
  spec.license = "Apache-2.0"
  spec.required_ruby_version = ">= 3.1"
  spec.metadata["rubygems_mfa_required"] = "true"
  spec.files = Dir["lib/**/*.rb", "samples/*.rb", "README.md", "LICENSE"]

  spec.add_dependency "googleapis-common-protos-types", "~> 1.4"
  spec.add_dependency "google-protobuf", ">= 3.21", "< 5"
  spec.add_dependency "grpc", "~> 1.51"
end
