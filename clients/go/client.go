package llmgateway

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

const pageSize = 1000

// A Client calls a gateway. It may be used by several goroutines at once.
//
// The context of a call bounds it, retries and waits included, and cancels it, at the provider, too. A call whose
// context has no deadline is bounded by [WithTimeout]. The error of every method is an [*Error].
type Client struct {
	channel *spread
	stub    llmgatewayv1.LLMGatewayClient
	timeout time.Duration
	lookout *lookout
}

// NewClient returns a client of the gateway at a target: `host:port`, or a name of gRPC such as
// `dns:///gateway:50051`, whose addresses are used in turn; if empty, [DefaultTarget]. It connects with the first call.
// Close it to close its connections.
func NewClient(target string, options ...Option) (*Client, error) {
	if target == "" {
		target = DefaultTarget
	}
	s, err := newSettings(options)
	if err != nil {
		return nil, err
	}
	channel, err := openChannel(target, s)
	if err != nil {
		return nil, err
	}
	return &Client{
		channel: channel,
		stub:    llmgatewayv1.NewLLMGatewayClient(channel),
		timeout: s.timeout,
		lookout: newLookout(target, s),
	}, nil
}

// Close closes the connections; running calls are canceled.
func (c *Client) Close() error { return c.channel.Close() }

// Generate returns a whole answer.
func (c *Client) Generate(
	ctx context.Context, request *llmgatewayv1.GenerateRequest,
) (*llmgatewayv1.GenerateResponse, error) {
	return call(ctx, c, c.stub.Generate, request)
}

// Stream returns an answer as it is written. The context bounds the stream as a whole.
func (c *Client) Stream(ctx context.Context, request *llmgatewayv1.GenerateRequest) *Stream {
	return &Stream{call: &running[llmgatewayv1.StreamGenerateResponse]{
		client: c,
		ctx:    ctx,
		begin: func(ctx context.Context) (grpc.ServerStreamingClient[llmgatewayv1.StreamGenerateResponse], error) {
			return c.stub.StreamGenerate(ctx, request)
		},
	}}
}

// Compare returns what 2 to 16 models answer, as each writes it. The context bounds the comparison as a whole.
func (c *Client) Compare(ctx context.Context, request *llmgatewayv1.CompareRequest) *Comparison {
	comparison := &Comparison{call: &running[llmgatewayv1.CompareResponse]{
		client: c,
		ctx:    ctx,
		begin: func(ctx context.Context) (grpc.ServerStreamingClient[llmgatewayv1.CompareResponse], error) {
			return c.stub.Compare(ctx, request)
		},
	}}
	for index, name := range request.GetModels() {
		comparison.models = append(comparison.models, &ComparedModel{Index: index, Name: name})
	}
	return comparison
}

// Embed returns a vector for each input.
func (c *Client) Embed(ctx context.Context, request *llmgatewayv1.EmbedRequest) (*llmgatewayv1.EmbedResponse, error) {
	return call(ctx, c, c.stub.Embed, request)
}

// Rerank returns how well documents answer a query, best first.
func (c *Client) Rerank(
	ctx context.Context, request *llmgatewayv1.RerankRequest,
) (*llmgatewayv1.RerankResponse, error) {
	return call(ctx, c, c.stub.Rerank, request)
}

// CountTokens returns how many tokens a generation would read.
func (c *Client) CountTokens(
	ctx context.Context, generation *llmgatewayv1.GenerateRequest,
) (*llmgatewayv1.CountTokensResponse, error) {
	return call(ctx, c, c.stub.CountTokens, &llmgatewayv1.CountTokensRequest{Generation: generation})
}

// Explain returns where a generation would go now, and why. Nothing is sent to any model.
func (c *Client) Explain(
	ctx context.Context, generation *llmgatewayv1.GenerateRequest,
) (*llmgatewayv1.ExplainRouteResponse, error) {
	return call(ctx, c, c.stub.ExplainRoute, &llmgatewayv1.ExplainRouteRequest{Generation: generation})
}

// Model returns one model or route; an error of [KindNotFound] where there is none of that name.
func (c *Client) Model(ctx context.Context, id string) (*llmgatewayv1.Model, error) {
	response, err := call(ctx, c, c.stub.GetModel, &llmgatewayv1.GetModelRequest{Id: id})
	return response.GetModel(), err
}

// Models returns all models and routes that the key may use. The context bounds all pages together.
func (c *Client) Models(ctx context.Context) ([]*llmgatewayv1.Model, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	var models []*llmgatewayv1.Model
	request := &llmgatewayv1.ListModelsRequest{PageSize: pageSize}
	for {
		page, err := call(ctx, c, c.stub.ListModels, request)
		if err != nil {
			return nil, err
		}
		models = append(models, page.GetModels()...)
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" {
			return models, nil
		}
	}
}

// bound returns a context that ends with the call, and at its deadline: the caller's, or else the client's.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || c.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}

// call makes a unary call.
func call[Request, Response any](
	ctx context.Context,
	c *Client,
	rpc func(context.Context, *Request, ...grpc.CallOption) (*Response, error),
	request *Request,
) (*Response, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	var trailer metadata.MD
	response, err := rpc(ctx, request, grpc.Trailer(&trailer))
	if err != nil {
		failed := errorOf(err, trailer, false)
		c.lookout.explain(ctx, failed)
		return nil, failed
	}
	return response, nil
}
