package dev.llmgateway.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Runs language models of many providers behind one API.
 * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
 * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
 * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
 * 64 MiB. A caller that cancels stops the provider's work, too.
 * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
 * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
 * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
 * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
 * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
 * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
 * use it says so by `grpc-retry-pushback-ms`.
 * An enum number that the gateway does not know is refused in a request; clients MUST accept new
 * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
 * </pre>
 */
@javax.annotation.Generated(
    value = "by gRPC proto compiler",
    comments = "Source: llmgateway/v1/gateway.proto")
@io.grpc.stub.annotations.GrpcGenerated
public final class LLMGatewayGrpc {

  private LLMGatewayGrpc() {}

  public static final String SERVICE_NAME = "llmgateway.v1.LLMGateway";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest,
      dev.llmgateway.v1.GenerateResponse> getGenerateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Generate",
      requestType = dev.llmgateway.v1.GenerateRequest.class,
      responseType = dev.llmgateway.v1.GenerateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest,
      dev.llmgateway.v1.GenerateResponse> getGenerateMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest, dev.llmgateway.v1.GenerateResponse> getGenerateMethod;
    if ((getGenerateMethod = LLMGatewayGrpc.getGenerateMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getGenerateMethod = LLMGatewayGrpc.getGenerateMethod) == null) {
          LLMGatewayGrpc.getGenerateMethod = getGenerateMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.GenerateRequest, dev.llmgateway.v1.GenerateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Generate"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.GenerateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.GenerateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("Generate"))
              .build();
        }
      }
    }
    return getGenerateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest,
      dev.llmgateway.v1.StreamGenerateResponse> getStreamGenerateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamGenerate",
      requestType = dev.llmgateway.v1.GenerateRequest.class,
      responseType = dev.llmgateway.v1.StreamGenerateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest,
      dev.llmgateway.v1.StreamGenerateResponse> getStreamGenerateMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.GenerateRequest, dev.llmgateway.v1.StreamGenerateResponse> getStreamGenerateMethod;
    if ((getStreamGenerateMethod = LLMGatewayGrpc.getStreamGenerateMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getStreamGenerateMethod = LLMGatewayGrpc.getStreamGenerateMethod) == null) {
          LLMGatewayGrpc.getStreamGenerateMethod = getStreamGenerateMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.GenerateRequest, dev.llmgateway.v1.StreamGenerateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamGenerate"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.GenerateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.StreamGenerateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("StreamGenerate"))
              .build();
        }
      }
    }
    return getStreamGenerateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.CompareRequest,
      dev.llmgateway.v1.CompareResponse> getCompareMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Compare",
      requestType = dev.llmgateway.v1.CompareRequest.class,
      responseType = dev.llmgateway.v1.CompareResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.CompareRequest,
      dev.llmgateway.v1.CompareResponse> getCompareMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.CompareRequest, dev.llmgateway.v1.CompareResponse> getCompareMethod;
    if ((getCompareMethod = LLMGatewayGrpc.getCompareMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getCompareMethod = LLMGatewayGrpc.getCompareMethod) == null) {
          LLMGatewayGrpc.getCompareMethod = getCompareMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.CompareRequest, dev.llmgateway.v1.CompareResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Compare"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.CompareRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.CompareResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("Compare"))
              .build();
        }
      }
    }
    return getCompareMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.EmbedRequest,
      dev.llmgateway.v1.EmbedResponse> getEmbedMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Embed",
      requestType = dev.llmgateway.v1.EmbedRequest.class,
      responseType = dev.llmgateway.v1.EmbedResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.EmbedRequest,
      dev.llmgateway.v1.EmbedResponse> getEmbedMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.EmbedRequest, dev.llmgateway.v1.EmbedResponse> getEmbedMethod;
    if ((getEmbedMethod = LLMGatewayGrpc.getEmbedMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getEmbedMethod = LLMGatewayGrpc.getEmbedMethod) == null) {
          LLMGatewayGrpc.getEmbedMethod = getEmbedMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.EmbedRequest, dev.llmgateway.v1.EmbedResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Embed"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.EmbedRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.EmbedResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("Embed"))
              .build();
        }
      }
    }
    return getEmbedMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.RerankRequest,
      dev.llmgateway.v1.RerankResponse> getRerankMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Rerank",
      requestType = dev.llmgateway.v1.RerankRequest.class,
      responseType = dev.llmgateway.v1.RerankResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.RerankRequest,
      dev.llmgateway.v1.RerankResponse> getRerankMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.RerankRequest, dev.llmgateway.v1.RerankResponse> getRerankMethod;
    if ((getRerankMethod = LLMGatewayGrpc.getRerankMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getRerankMethod = LLMGatewayGrpc.getRerankMethod) == null) {
          LLMGatewayGrpc.getRerankMethod = getRerankMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.RerankRequest, dev.llmgateway.v1.RerankResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Rerank"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.RerankRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.RerankResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("Rerank"))
              .build();
        }
      }
    }
    return getRerankMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.CountTokensRequest,
      dev.llmgateway.v1.CountTokensResponse> getCountTokensMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CountTokens",
      requestType = dev.llmgateway.v1.CountTokensRequest.class,
      responseType = dev.llmgateway.v1.CountTokensResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.CountTokensRequest,
      dev.llmgateway.v1.CountTokensResponse> getCountTokensMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.CountTokensRequest, dev.llmgateway.v1.CountTokensResponse> getCountTokensMethod;
    if ((getCountTokensMethod = LLMGatewayGrpc.getCountTokensMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getCountTokensMethod = LLMGatewayGrpc.getCountTokensMethod) == null) {
          LLMGatewayGrpc.getCountTokensMethod = getCountTokensMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.CountTokensRequest, dev.llmgateway.v1.CountTokensResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CountTokens"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.CountTokensRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.CountTokensResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("CountTokens"))
              .build();
        }
      }
    }
    return getCountTokensMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.ExplainRouteRequest,
      dev.llmgateway.v1.ExplainRouteResponse> getExplainRouteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExplainRoute",
      requestType = dev.llmgateway.v1.ExplainRouteRequest.class,
      responseType = dev.llmgateway.v1.ExplainRouteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.ExplainRouteRequest,
      dev.llmgateway.v1.ExplainRouteResponse> getExplainRouteMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.ExplainRouteRequest, dev.llmgateway.v1.ExplainRouteResponse> getExplainRouteMethod;
    if ((getExplainRouteMethod = LLMGatewayGrpc.getExplainRouteMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getExplainRouteMethod = LLMGatewayGrpc.getExplainRouteMethod) == null) {
          LLMGatewayGrpc.getExplainRouteMethod = getExplainRouteMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.ExplainRouteRequest, dev.llmgateway.v1.ExplainRouteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExplainRoute"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.ExplainRouteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.ExplainRouteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("ExplainRoute"))
              .build();
        }
      }
    }
    return getExplainRouteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.GetModelRequest,
      dev.llmgateway.v1.GetModelResponse> getGetModelMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetModel",
      requestType = dev.llmgateway.v1.GetModelRequest.class,
      responseType = dev.llmgateway.v1.GetModelResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.GetModelRequest,
      dev.llmgateway.v1.GetModelResponse> getGetModelMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.GetModelRequest, dev.llmgateway.v1.GetModelResponse> getGetModelMethod;
    if ((getGetModelMethod = LLMGatewayGrpc.getGetModelMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getGetModelMethod = LLMGatewayGrpc.getGetModelMethod) == null) {
          LLMGatewayGrpc.getGetModelMethod = getGetModelMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.GetModelRequest, dev.llmgateway.v1.GetModelResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetModel"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.GetModelRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.GetModelResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("GetModel"))
              .build();
        }
      }
    }
    return getGetModelMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.llmgateway.v1.ListModelsRequest,
      dev.llmgateway.v1.ListModelsResponse> getListModelsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListModels",
      requestType = dev.llmgateway.v1.ListModelsRequest.class,
      responseType = dev.llmgateway.v1.ListModelsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.llmgateway.v1.ListModelsRequest,
      dev.llmgateway.v1.ListModelsResponse> getListModelsMethod() {
    io.grpc.MethodDescriptor<dev.llmgateway.v1.ListModelsRequest, dev.llmgateway.v1.ListModelsResponse> getListModelsMethod;
    if ((getListModelsMethod = LLMGatewayGrpc.getListModelsMethod) == null) {
      synchronized (LLMGatewayGrpc.class) {
        if ((getListModelsMethod = LLMGatewayGrpc.getListModelsMethod) == null) {
          LLMGatewayGrpc.getListModelsMethod = getListModelsMethod =
              io.grpc.MethodDescriptor.<dev.llmgateway.v1.ListModelsRequest, dev.llmgateway.v1.ListModelsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListModels"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.ListModelsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.llmgateway.v1.ListModelsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMGatewayMethodDescriptorSupplier("ListModels"))
              .build();
        }
      }
    }
    return getListModelsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static LLMGatewayStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMGatewayStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMGatewayStub>() {
        @java.lang.Override
        public LLMGatewayStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMGatewayStub(channel, callOptions);
        }
      };
    return LLMGatewayStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static LLMGatewayBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMGatewayBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMGatewayBlockingStub>() {
        @java.lang.Override
        public LLMGatewayBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMGatewayBlockingStub(channel, callOptions);
        }
      };
    return LLMGatewayBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static LLMGatewayFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMGatewayFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMGatewayFutureStub>() {
        @java.lang.Override
        public LLMGatewayFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMGatewayFutureStub(channel, callOptions);
        }
      };
    return LLMGatewayFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Runs language models of many providers behind one API.
   * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
   * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
   * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
   * 64 MiB. A caller that cancels stops the provider's work, too.
   * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
   * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
   * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
   * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
   * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
   * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
   * use it says so by `grpc-retry-pushback-ms`.
   * An enum number that the gateway does not know is refused in a request; clients MUST accept new
   * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
   * </pre>
   */
  public static abstract class LLMGatewayImplBase implements io.grpc.BindableService {

    /**
     * <pre>
     * Generates and returns the whole: by definition the fold of the events of `StreamGenerate`.
     * Errors:
     *   - `INVALID_ARGUMENT`: a field is wrong, which a `google.rpc.BadRequest` names; or the provider
     *     refused the request or withheld its answer.
     *   - `NOT_FOUND`: no model and no route has this name.
     *   - `FAILED_PRECONDITION`: no target of the route can serve what the request asks for.
     *   - `UNAVAILABLE`: every target failed.
     * </pre>
     */
    public void generate(dev.llmgateway.v1.GenerateRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.GenerateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGenerateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Generates and returns it as it is written.
     * The events of a stream that ends with OK, heartbeats and provider events aside, are
     * `started (part_started part_delta* part_finished | candidate_finished)* finished`; parts and
     * candidates may interleave. An error is never an event: it ends the stream with a non-OK status.
     * A stream that breaks off is never shown as one that finished.
     * Errors: as `Generate`, and `STREAM_BROKEN` or `EVENT_GAP_TIMEOUT` after content.
     * </pre>
     */
    public void streamGenerate(dev.llmgateway.v1.GenerateRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.StreamGenerateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamGenerateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Generates with several models at once, and returns what each writes as it is written.
     * Each model's events are those of its own `StreamGenerate`, under a call id of its own; messages of
     * different models interleave. A model that fails is told by a `failure`, and the others go on: the
     * stream ends with OK once each has finished or failed. A caller that cancels stops them all.
     * Errors: `INVALID_ARGUMENT`: a field is wrong. What befalls a single model is never the status.
     * </pre>
     */
    public void compare(dev.llmgateway.v1.CompareRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.CompareResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCompareMethod(), responseObserver);
    }

    /**
     * <pre>
     * Turns inputs into vectors, one for each, in the same order. Errors: as `Generate`.
     * </pre>
     */
    public void embed(dev.llmgateway.v1.EmbedRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.EmbedResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEmbedMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sorts documents by how well they answer a query. Errors: as `Generate`.
     * </pre>
     */
    public void rerank(dev.llmgateway.v1.RerankRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.RerankResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRerankMethod(), responseObserver);
    }

    /**
     * <pre>
     * Counts the tokens that a generation would read, without running the model.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public void countTokens(dev.llmgateway.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCountTokensMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells where a generation would go now, which targets would be tried in which order, which are left
     * out and why, and what it could cost at most. Nothing is sent.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public void explainRoute(dev.llmgateway.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExplainRouteMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns one model or route that the caller may use.
     * Errors: `INVALID_ARGUMENT`: `id` is empty. `NOT_FOUND`: no model and no route has this name.
     * </pre>
     */
    public void getModel(dev.llmgateway.v1.GetModelRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.GetModelResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetModelMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the models and routes that the caller may use. A model that is not listed may work all the
     * same: a provider serves any that it knows as `provider/model`.
     * Errors: `INVALID_ARGUMENT`: `page_size` is negative or `page_token` is not one of ours.
     * </pre>
     */
    public void listModels(dev.llmgateway.v1.ListModelsRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.ListModelsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListModelsMethod(), responseObserver);
    }

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
          .addMethod(
            getGenerateMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.GenerateRequest,
                dev.llmgateway.v1.GenerateResponse>(
                  this, METHODID_GENERATE)))
          .addMethod(
            getStreamGenerateMethod(),
            io.grpc.stub.ServerCalls.asyncServerStreamingCall(
              new MethodHandlers<
                dev.llmgateway.v1.GenerateRequest,
                dev.llmgateway.v1.StreamGenerateResponse>(
                  this, METHODID_STREAM_GENERATE)))
          .addMethod(
            getCompareMethod(),
            io.grpc.stub.ServerCalls.asyncServerStreamingCall(
              new MethodHandlers<
                dev.llmgateway.v1.CompareRequest,
                dev.llmgateway.v1.CompareResponse>(
                  this, METHODID_COMPARE)))
          .addMethod(
            getEmbedMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.EmbedRequest,
                dev.llmgateway.v1.EmbedResponse>(
                  this, METHODID_EMBED)))
          .addMethod(
            getRerankMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.RerankRequest,
                dev.llmgateway.v1.RerankResponse>(
                  this, METHODID_RERANK)))
          .addMethod(
            getCountTokensMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.CountTokensRequest,
                dev.llmgateway.v1.CountTokensResponse>(
                  this, METHODID_COUNT_TOKENS)))
          .addMethod(
            getExplainRouteMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.ExplainRouteRequest,
                dev.llmgateway.v1.ExplainRouteResponse>(
                  this, METHODID_EXPLAIN_ROUTE)))
          .addMethod(
            getGetModelMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.GetModelRequest,
                dev.llmgateway.v1.GetModelResponse>(
                  this, METHODID_GET_MODEL)))
          .addMethod(
            getListModelsMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
              new MethodHandlers<
                dev.llmgateway.v1.ListModelsRequest,
                dev.llmgateway.v1.ListModelsResponse>(
                  this, METHODID_LIST_MODELS)))
          .build();
    }
  }

  /**
   * <pre>
   * Runs language models of many providers behind one API.
   * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
   * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
   * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
   * 64 MiB. A caller that cancels stops the provider's work, too.
   * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
   * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
   * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
   * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
   * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
   * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
   * use it says so by `grpc-retry-pushback-ms`.
   * An enum number that the gateway does not know is refused in a request; clients MUST accept new
   * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
   * </pre>
   */
  public static final class LLMGatewayStub extends io.grpc.stub.AbstractAsyncStub<LLMGatewayStub> {
    private LLMGatewayStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMGatewayStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMGatewayStub(channel, callOptions);
    }

    /**
     * <pre>
     * Generates and returns the whole: by definition the fold of the events of `StreamGenerate`.
     * Errors:
     *   - `INVALID_ARGUMENT`: a field is wrong, which a `google.rpc.BadRequest` names; or the provider
     *     refused the request or withheld its answer.
     *   - `NOT_FOUND`: no model and no route has this name.
     *   - `FAILED_PRECONDITION`: no target of the route can serve what the request asks for.
     *   - `UNAVAILABLE`: every target failed.
     * </pre>
     */
    public void generate(dev.llmgateway.v1.GenerateRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.GenerateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGenerateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Generates and returns it as it is written.
     * The events of a stream that ends with OK, heartbeats and provider events aside, are
     * `started (part_started part_delta* part_finished | candidate_finished)* finished`; parts and
     * candidates may interleave. An error is never an event: it ends the stream with a non-OK status.
     * A stream that breaks off is never shown as one that finished.
     * Errors: as `Generate`, and `STREAM_BROKEN` or `EVENT_GAP_TIMEOUT` after content.
     * </pre>
     */
    public void streamGenerate(dev.llmgateway.v1.GenerateRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.StreamGenerateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamGenerateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Generates with several models at once, and returns what each writes as it is written.
     * Each model's events are those of its own `StreamGenerate`, under a call id of its own; messages of
     * different models interleave. A model that fails is told by a `failure`, and the others go on: the
     * stream ends with OK once each has finished or failed. A caller that cancels stops them all.
     * Errors: `INVALID_ARGUMENT`: a field is wrong. What befalls a single model is never the status.
     * </pre>
     */
    public void compare(dev.llmgateway.v1.CompareRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.CompareResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getCompareMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Turns inputs into vectors, one for each, in the same order. Errors: as `Generate`.
     * </pre>
     */
    public void embed(dev.llmgateway.v1.EmbedRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.EmbedResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEmbedMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sorts documents by how well they answer a query. Errors: as `Generate`.
     * </pre>
     */
    public void rerank(dev.llmgateway.v1.RerankRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.RerankResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRerankMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Counts the tokens that a generation would read, without running the model.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public void countTokens(dev.llmgateway.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells where a generation would go now, which targets would be tried in which order, which are left
     * out and why, and what it could cost at most. Nothing is sent.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public void explainRoute(dev.llmgateway.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns one model or route that the caller may use.
     * Errors: `INVALID_ARGUMENT`: `id` is empty. `NOT_FOUND`: no model and no route has this name.
     * </pre>
     */
    public void getModel(dev.llmgateway.v1.GetModelRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.GetModelResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetModelMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the models and routes that the caller may use. A model that is not listed may work all the
     * same: a provider serves any that it knows as `provider/model`.
     * Errors: `INVALID_ARGUMENT`: `page_size` is negative or `page_token` is not one of ours.
     * </pre>
     */
    public void listModels(dev.llmgateway.v1.ListModelsRequest request,
        io.grpc.stub.StreamObserver<dev.llmgateway.v1.ListModelsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListModelsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * <pre>
   * Runs language models of many providers behind one API.
   * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
   * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
   * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
   * 64 MiB. A caller that cancels stops the provider's work, too.
   * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
   * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
   * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
   * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
   * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
   * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
   * use it says so by `grpc-retry-pushback-ms`.
   * An enum number that the gateway does not know is refused in a request; clients MUST accept new
   * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
   * </pre>
   */
  public static final class LLMGatewayBlockingStub extends io.grpc.stub.AbstractBlockingStub<LLMGatewayBlockingStub> {
    private LLMGatewayBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMGatewayBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMGatewayBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Generates and returns the whole: by definition the fold of the events of `StreamGenerate`.
     * Errors:
     *   - `INVALID_ARGUMENT`: a field is wrong, which a `google.rpc.BadRequest` names; or the provider
     *     refused the request or withheld its answer.
     *   - `NOT_FOUND`: no model and no route has this name.
     *   - `FAILED_PRECONDITION`: no target of the route can serve what the request asks for.
     *   - `UNAVAILABLE`: every target failed.
     * </pre>
     */
    public dev.llmgateway.v1.GenerateResponse generate(dev.llmgateway.v1.GenerateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGenerateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Generates and returns it as it is written.
     * The events of a stream that ends with OK, heartbeats and provider events aside, are
     * `started (part_started part_delta* part_finished | candidate_finished)* finished`; parts and
     * candidates may interleave. An error is never an event: it ends the stream with a non-OK status.
     * A stream that breaks off is never shown as one that finished.
     * Errors: as `Generate`, and `STREAM_BROKEN` or `EVENT_GAP_TIMEOUT` after content.
     * </pre>
     */
    public java.util.Iterator<dev.llmgateway.v1.StreamGenerateResponse> streamGenerate(
        dev.llmgateway.v1.GenerateRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamGenerateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Generates with several models at once, and returns what each writes as it is written.
     * Each model's events are those of its own `StreamGenerate`, under a call id of its own; messages of
     * different models interleave. A model that fails is told by a `failure`, and the others go on: the
     * stream ends with OK once each has finished or failed. A caller that cancels stops them all.
     * Errors: `INVALID_ARGUMENT`: a field is wrong. What befalls a single model is never the status.
     * </pre>
     */
    public java.util.Iterator<dev.llmgateway.v1.CompareResponse> compare(
        dev.llmgateway.v1.CompareRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getCompareMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Turns inputs into vectors, one for each, in the same order. Errors: as `Generate`.
     * </pre>
     */
    public dev.llmgateway.v1.EmbedResponse embed(dev.llmgateway.v1.EmbedRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEmbedMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sorts documents by how well they answer a query. Errors: as `Generate`.
     * </pre>
     */
    public dev.llmgateway.v1.RerankResponse rerank(dev.llmgateway.v1.RerankRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRerankMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Counts the tokens that a generation would read, without running the model.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public dev.llmgateway.v1.CountTokensResponse countTokens(dev.llmgateway.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCountTokensMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells where a generation would go now, which targets would be tried in which order, which are left
     * out and why, and what it could cost at most. Nothing is sent.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public dev.llmgateway.v1.ExplainRouteResponse explainRoute(dev.llmgateway.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExplainRouteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one model or route that the caller may use.
     * Errors: `INVALID_ARGUMENT`: `id` is empty. `NOT_FOUND`: no model and no route has this name.
     * </pre>
     */
    public dev.llmgateway.v1.GetModelResponse getModel(dev.llmgateway.v1.GetModelRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetModelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the models and routes that the caller may use. A model that is not listed may work all the
     * same: a provider serves any that it knows as `provider/model`.
     * Errors: `INVALID_ARGUMENT`: `page_size` is negative or `page_token` is not one of ours.
     * </pre>
     */
    public dev.llmgateway.v1.ListModelsResponse listModels(dev.llmgateway.v1.ListModelsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListModelsMethod(), getCallOptions(), request);
    }
  }

  /**
   * <pre>
   * Runs language models of many providers behind one API.
   * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
   * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
   * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
   * 64 MiB. A caller that cancels stops the provider's work, too.
   * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
   * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
   * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
   * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
   * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
   * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
   * use it says so by `grpc-retry-pushback-ms`.
   * An enum number that the gateway does not know is refused in a request; clients MUST accept new
   * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
   * </pre>
   */
  public static final class LLMGatewayFutureStub extends io.grpc.stub.AbstractFutureStub<LLMGatewayFutureStub> {
    private LLMGatewayFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMGatewayFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMGatewayFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Generates and returns the whole: by definition the fold of the events of `StreamGenerate`.
     * Errors:
     *   - `INVALID_ARGUMENT`: a field is wrong, which a `google.rpc.BadRequest` names; or the provider
     *     refused the request or withheld its answer.
     *   - `NOT_FOUND`: no model and no route has this name.
     *   - `FAILED_PRECONDITION`: no target of the route can serve what the request asks for.
     *   - `UNAVAILABLE`: every target failed.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.GenerateResponse> generate(
        dev.llmgateway.v1.GenerateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGenerateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Turns inputs into vectors, one for each, in the same order. Errors: as `Generate`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.EmbedResponse> embed(
        dev.llmgateway.v1.EmbedRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEmbedMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Sorts documents by how well they answer a query. Errors: as `Generate`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.RerankResponse> rerank(
        dev.llmgateway.v1.RerankRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRerankMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Counts the tokens that a generation would read, without running the model.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.CountTokensResponse> countTokens(
        dev.llmgateway.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells where a generation would go now, which targets would be tried in which order, which are left
     * out and why, and what it could cost at most. Nothing is sent.
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.ExplainRouteResponse> explainRoute(
        dev.llmgateway.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns one model or route that the caller may use.
     * Errors: `INVALID_ARGUMENT`: `id` is empty. `NOT_FOUND`: no model and no route has this name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.GetModelResponse> getModel(
        dev.llmgateway.v1.GetModelRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetModelMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the models and routes that the caller may use. A model that is not listed may work all the
     * same: a provider serves any that it knows as `provider/model`.
     * Errors: `INVALID_ARGUMENT`: `page_size` is negative or `page_token` is not one of ours.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.llmgateway.v1.ListModelsResponse> listModels(
        dev.llmgateway.v1.ListModelsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListModelsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GENERATE = 0;
  private static final int METHODID_STREAM_GENERATE = 1;
  private static final int METHODID_COMPARE = 2;
  private static final int METHODID_EMBED = 3;
  private static final int METHODID_RERANK = 4;
  private static final int METHODID_COUNT_TOKENS = 5;
  private static final int METHODID_EXPLAIN_ROUTE = 6;
  private static final int METHODID_GET_MODEL = 7;
  private static final int METHODID_LIST_MODELS = 8;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final LLMGatewayImplBase serviceImpl;
    private final int methodId;

    MethodHandlers(LLMGatewayImplBase serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_GENERATE:
          serviceImpl.generate((dev.llmgateway.v1.GenerateRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.GenerateResponse>) responseObserver);
          break;
        case METHODID_STREAM_GENERATE:
          serviceImpl.streamGenerate((dev.llmgateway.v1.GenerateRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.StreamGenerateResponse>) responseObserver);
          break;
        case METHODID_COMPARE:
          serviceImpl.compare((dev.llmgateway.v1.CompareRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.CompareResponse>) responseObserver);
          break;
        case METHODID_EMBED:
          serviceImpl.embed((dev.llmgateway.v1.EmbedRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.EmbedResponse>) responseObserver);
          break;
        case METHODID_RERANK:
          serviceImpl.rerank((dev.llmgateway.v1.RerankRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.RerankResponse>) responseObserver);
          break;
        case METHODID_COUNT_TOKENS:
          serviceImpl.countTokens((dev.llmgateway.v1.CountTokensRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.CountTokensResponse>) responseObserver);
          break;
        case METHODID_EXPLAIN_ROUTE:
          serviceImpl.explainRoute((dev.llmgateway.v1.ExplainRouteRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.ExplainRouteResponse>) responseObserver);
          break;
        case METHODID_GET_MODEL:
          serviceImpl.getModel((dev.llmgateway.v1.GetModelRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.GetModelResponse>) responseObserver);
          break;
        case METHODID_LIST_MODELS:
          serviceImpl.listModels((dev.llmgateway.v1.ListModelsRequest) request,
              (io.grpc.stub.StreamObserver<dev.llmgateway.v1.ListModelsResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  private static abstract class LLMGatewayBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    LLMGatewayBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.llmgateway.v1.GatewayProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("LLMGateway");
    }
  }

  private static final class LLMGatewayFileDescriptorSupplier
      extends LLMGatewayBaseDescriptorSupplier {
    LLMGatewayFileDescriptorSupplier() {}
  }

  private static final class LLMGatewayMethodDescriptorSupplier
      extends LLMGatewayBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final String methodName;

    LLMGatewayMethodDescriptorSupplier(String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (LLMGatewayGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new LLMGatewayFileDescriptorSupplier())
              .addMethod(getGenerateMethod())
              .addMethod(getStreamGenerateMethod())
              .addMethod(getCompareMethod())
              .addMethod(getEmbedMethod())
              .addMethod(getRerankMethod())
              .addMethod(getCountTokensMethod())
              .addMethod(getExplainRouteMethod())
              .addMethod(getGetModelMethod())
              .addMethod(getListModelsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
