<?php
// GENERATED CODE -- DO NOT EDIT!

namespace LlmGateway\V1;

/**
 * Runs language models of many providers behind one API.
 *
 * Request metadata: `authorization: Bearer KEY`, unless the gateway has no keys and serves loopback
 * only. A call without a deadline gets the gateway's own (600 s unless configured otherwise), and no
 * deadline lasts longer than that one. Messages of up to 32 MiB are read; let a client receive up to
 * 64 MiB. A caller that cancels stops the provider's work, too.
 *
 * Every RPC may fail with `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`,
 * `UNAVAILABLE` or `DEADLINE_EXCEEDED`. Every status that the gateway itself sends carries a
 * `google.rpc.ErrorInfo` whose `domain` is `llmgateway.dev` and whose `reason` is the name of an
 * `ErrorReason` value, and a `CallFailure` with the call's id; the trailing metadata `x-request-id`
 * holds the id, too. Clients SHOULD branch on the reason, never on the message, and SHOULD honour a
 * `google.rpc.RetryInfo`. The gateway has tried the targets already: where trying again at once is no
 * use it says so by `grpc-retry-pushback-ms`.
 *
 * An enum number that the gateway does not know is refused in a request; clients MUST accept new
 * ones in answers. Fields named `_json` hold JSON text (RFC 8259), nested at most 64 deep.
 */
class LLMGatewayClient extends \Grpc\BaseStub {

    /**
     * @param string $hostname hostname
     * @param array $opts channel options
     * @param \Grpc\Channel $channel (optional) re-use channel object
     */
    public function __construct($hostname, $opts, $channel = null) {
        parent::__construct($hostname, $opts, $channel);
    }

    /**
     * Generates and returns the whole: by definition the fold of the events of `StreamGenerate`.
     *
     * Errors:
     *   - `INVALID_ARGUMENT`: a field is wrong, which a `google.rpc.BadRequest` names; or the provider
     *     refused the request or withheld its answer.
     *   - `NOT_FOUND`: no model and no route has this name.
     *   - `FAILED_PRECONDITION`: no target of the route can serve what the request asks for.
     *   - `UNAVAILABLE`: every target failed.
     * @param \LlmGateway\V1\GenerateRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function Generate(\LlmGateway\V1\GenerateRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/Generate',
        $argument,
        ['\LlmGateway\V1\GenerateResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Generates and returns it as it is written.
     *
     * The events of a stream that ends with OK, heartbeats and provider events aside, are
     * `started (part_started part_delta* part_finished | candidate_finished)* finished`; parts and
     * candidates may interleave. An error is never an event: it ends the stream with a non-OK status.
     * A stream that breaks off is never shown as one that finished.
     *
     * Errors: as `Generate`, and `STREAM_BROKEN` or `EVENT_GAP_TIMEOUT` after content.
     * @param \LlmGateway\V1\GenerateRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\ServerStreamingCall
     */
    public function StreamGenerate(\LlmGateway\V1\GenerateRequest $argument,
      $metadata = [], $options = []) {
        return $this->_serverStreamRequest('/llmgateway.v1.LLMGateway/StreamGenerate',
        $argument,
        ['\LlmGateway\V1\StreamGenerateResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Generates with several models at once, and returns what each writes as it is written.
     *
     * Each model's events are those of its own `StreamGenerate`, under a call id of its own; messages of
     * different models interleave. A model that fails is told by a `failure`, and the others go on: the
     * stream ends with OK once each has finished or failed. A caller that cancels stops them all.
     *
     * Errors: `INVALID_ARGUMENT`: a field is wrong. What befalls a single model is never the status.
     * @param \LlmGateway\V1\CompareRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\ServerStreamingCall
     */
    public function Compare(\LlmGateway\V1\CompareRequest $argument,
      $metadata = [], $options = []) {
        return $this->_serverStreamRequest('/llmgateway.v1.LLMGateway/Compare',
        $argument,
        ['\LlmGateway\V1\CompareResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Turns inputs into vectors, one for each, in the same order. Errors: as `Generate`.
     * @param \LlmGateway\V1\EmbedRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function Embed(\LlmGateway\V1\EmbedRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/Embed',
        $argument,
        ['\LlmGateway\V1\EmbedResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Sorts documents by how well they answer a query. Errors: as `Generate`.
     * @param \LlmGateway\V1\RerankRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function Rerank(\LlmGateway\V1\RerankRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/Rerank',
        $argument,
        ['\LlmGateway\V1\RerankResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Counts the tokens that a generation would read, without running the model.
     *
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * @param \LlmGateway\V1\CountTokensRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function CountTokens(\LlmGateway\V1\CountTokensRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/CountTokens',
        $argument,
        ['\LlmGateway\V1\CountTokensResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Tells where a generation would go now, which targets would be tried in which order, which are left
     * out and why, and what it could cost at most. Nothing is sent.
     *
     * Errors: `INVALID_ARGUMENT` and `NOT_FOUND` as `Generate`.
     * @param \LlmGateway\V1\ExplainRouteRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function ExplainRoute(\LlmGateway\V1\ExplainRouteRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/ExplainRoute',
        $argument,
        ['\LlmGateway\V1\ExplainRouteResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Returns one model or route that the caller may use.
     *
     * Errors: `INVALID_ARGUMENT`: `id` is empty. `NOT_FOUND`: no model and no route has this name.
     * @param \LlmGateway\V1\GetModelRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function GetModel(\LlmGateway\V1\GetModelRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/GetModel',
        $argument,
        ['\LlmGateway\V1\GetModelResponse', 'decode'],
        $metadata, $options);
    }

    /**
     * Lists the models and routes that the caller may use. A model that is not listed may work all the
     * same: a provider serves any that it knows as `provider/model`.
     *
     * Errors: `INVALID_ARGUMENT`: `page_size` is negative or `page_token` is not one of ours.
     * @param \LlmGateway\V1\ListModelsRequest $argument input argument
     * @param array $metadata metadata
     * @param array $options call options
     * @return \Grpc\UnaryCall
     */
    public function ListModels(\LlmGateway\V1\ListModelsRequest $argument,
      $metadata = [], $options = []) {
        return $this->_simpleRequest('/llmgateway.v1.LLMGateway/ListModels',
        $argument,
        ['\LlmGateway\V1\ListModelsResponse', 'decode'],
        $metadata, $options);
    }

}
