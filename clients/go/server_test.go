package llmgateway_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

type (
	streamServer  = grpc.ServerStreamingServer[llmgatewayv1.StreamGenerateResponse]
	compareServer = grpc.ServerStreamingServer[llmgatewayv1.CompareResponse]
)

// gateway is a server whose answers a test scripts.
type gateway struct {
	llmgatewayv1.UnimplementedLLMGatewayServer
	generate   func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error)
	stream     func(*llmgatewayv1.GenerateRequest, streamServer) error
	compare    func(*llmgatewayv1.CompareRequest, compareServer) error
	embed      func(context.Context, *llmgatewayv1.EmbedRequest) (*llmgatewayv1.EmbedResponse, error)
	rerank     func(context.Context, *llmgatewayv1.RerankRequest) (*llmgatewayv1.RerankResponse, error)
	count      func(context.Context, *llmgatewayv1.CountTokensRequest) (*llmgatewayv1.CountTokensResponse, error)
	explain    func(context.Context, *llmgatewayv1.ExplainRouteRequest) (*llmgatewayv1.ExplainRouteResponse, error)
	getModel   func(context.Context, *llmgatewayv1.GetModelRequest) (*llmgatewayv1.GetModelResponse, error)
	listModels func(context.Context, *llmgatewayv1.ListModelsRequest) (*llmgatewayv1.ListModelsResponse, error)
}

func (g *gateway) Generate(ctx context.Context, request *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
	return g.generate(ctx, request)
}

func (g *gateway) StreamGenerate(request *llmgatewayv1.GenerateRequest, answers streamServer) error {
	return g.stream(request, answers)
}

func (g *gateway) Compare(request *llmgatewayv1.CompareRequest, answers compareServer) error {
	return g.compare(request, answers)
}

func (g *gateway) Embed(ctx context.Context, request *llmgatewayv1.EmbedRequest) (*llmgatewayv1.EmbedResponse, error) {
	return g.embed(ctx, request)
}

func (g *gateway) Rerank(ctx context.Context, request *llmgatewayv1.RerankRequest) (*llmgatewayv1.RerankResponse, error) {
	return g.rerank(ctx, request)
}

func (g *gateway) CountTokens(ctx context.Context, request *llmgatewayv1.CountTokensRequest) (*llmgatewayv1.CountTokensResponse, error) {
	return g.count(ctx, request)
}

func (g *gateway) ExplainRoute(ctx context.Context, request *llmgatewayv1.ExplainRouteRequest) (*llmgatewayv1.ExplainRouteResponse, error) {
	return g.explain(ctx, request)
}

func (g *gateway) GetModel(ctx context.Context, request *llmgatewayv1.GetModelRequest) (*llmgatewayv1.GetModelResponse, error) {
	return g.getModel(ctx, request)
}

func (g *gateway) ListModels(ctx context.Context, request *llmgatewayv1.ListModelsRequest) (*llmgatewayv1.ListModelsResponse, error) {
	return g.listModels(ctx, request)
}

// serve starts a gateway on loopback, and returns where.
func serve(t testing.TB, g *gateway, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{PermitWithoutStream: true}))
	server := grpc.NewServer(options...)
	llmgatewayv1.RegisterLLMGatewayServer(server, g)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// connect returns a client that is closed when the test ends.
func connect(t testing.TB, target string, options ...llmgateway.Option) *llmgateway.Client {
	t.Helper()
	client, err := llmgateway.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// answering returns a client of a gateway that answers every Generate alike.
func answering(
	t testing.TB, generate func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error),
	options ...llmgateway.Option,
) *llmgateway.Client {
	t.Helper()
	return connect(t, serve(t, &gateway{generate: generate}), options...)
}
