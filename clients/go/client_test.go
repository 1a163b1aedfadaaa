package llmgateway_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

var empty = &llmgatewayv1.GenerateResponse{}

// hanging answers when the caller has gone, and tells that it has.
func hanging(gone chan<- struct{}) func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
	return func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		<-ctx.Done()
		close(gone)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func TestEveryRPCSendsItsRequestAndReturnsItsAnswer(t *testing.T) {
	prompt := llmgateway.Prompt("m", "Hello")
	client := connect(t, serve(t, &gateway{
		generate: func(_ context.Context, request *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
			checkMessage(t, request, prompt)
			return parseResponse(t, `candidates { message { parts { text: "a" } } }`), nil
		},
		embed: func(_ context.Context, request *llmgatewayv1.EmbedRequest) (*llmgatewayv1.EmbedResponse, error) {
			checkMessage(t, request, parse(t, &llmgatewayv1.EmbedRequest{}, `model: "m" inputs { text: "a" } inputs { text: "b" }`))
			return parse(t, &llmgatewayv1.EmbedResponse{}, `embeddings { values: 1 }`), nil
		},
		rerank: func(_ context.Context, request *llmgatewayv1.RerankRequest) (*llmgatewayv1.RerankResponse, error) {
			checkMessage(t, request, parse(t, &llmgatewayv1.RerankRequest{}, `model: "m" query: "q" documents: "d"`))
			return parse(t, &llmgatewayv1.RerankResponse{}, `results { index: 1 }`), nil
		},
		count: func(_ context.Context, request *llmgatewayv1.CountTokensRequest) (*llmgatewayv1.CountTokensResponse, error) {
			checkMessage(t, request.GetGeneration(), prompt)
			return &llmgatewayv1.CountTokensResponse{InputTokenCount: 3}, nil
		},
		explain: func(_ context.Context, request *llmgatewayv1.ExplainRouteRequest) (*llmgatewayv1.ExplainRouteResponse, error) {
			checkMessage(t, request.GetGeneration(), prompt)
			return &llmgatewayv1.ExplainRouteResponse{Route: "r"}, nil
		},
		getModel: func(_ context.Context, request *llmgatewayv1.GetModelRequest) (*llmgatewayv1.GetModelResponse, error) {
			return &llmgatewayv1.GetModelResponse{Model: &llmgatewayv1.Model{Id: request.GetId()}}, nil
		},
	}))
	answer, err := client.Generate(t.Context(), prompt)
	if err != nil || llmgateway.Text(answer) != "a" {
		t.Errorf("generate: got %v, %v", answer, err)
	}
	embedded, err := client.Embed(t.Context(), llmgateway.EmbedTexts("m", "a", "b"))
	if err != nil || embedded.GetEmbeddings()[0].GetValues()[0] != 1 {
		t.Errorf("embed: got %v, %v", embedded, err)
	}
	ranked, err := client.Rerank(t.Context(), &llmgatewayv1.RerankRequest{Model: "m", Query: "q", Documents: []string{"d"}})
	if err != nil || ranked.GetResults()[0].GetIndex() != 1 {
		t.Errorf("rerank: got %v, %v", ranked, err)
	}
	counted, err := client.CountTokens(t.Context(), prompt)
	if err != nil || counted.GetInputTokenCount() != 3 {
		t.Errorf("count tokens: got %v, %v", counted, err)
	}
	explained, err := client.Explain(t.Context(), prompt)
	if err != nil || explained.GetRoute() != "r" {
		t.Errorf("explain: got %v, %v", explained, err)
	}
	model, err := client.Model(t.Context(), "mock/echo")
	if err != nil || model.GetId() != "mock/echo" {
		t.Errorf("model: got %v, %v", model, err)
	}
}

func TestEveryUnaryRPCReturnsItsError(t *testing.T) {
	client := connect(t, serve(t, &gateway{
		generate: fails[llmgatewayv1.GenerateRequest, llmgatewayv1.GenerateResponse],
		embed:    fails[llmgatewayv1.EmbedRequest, llmgatewayv1.EmbedResponse],
		rerank:   fails[llmgatewayv1.RerankRequest, llmgatewayv1.RerankResponse],
		count:    fails[llmgatewayv1.CountTokensRequest, llmgatewayv1.CountTokensResponse],
		explain:  fails[llmgatewayv1.ExplainRouteRequest, llmgatewayv1.ExplainRouteResponse],
		getModel: fails[llmgatewayv1.GetModelRequest, llmgatewayv1.GetModelResponse],

		listModels: fails[llmgatewayv1.ListModelsRequest, llmgatewayv1.ListModelsResponse],
	}))
	for name, call := range map[string]func(context.Context) (any, error){
		"generate": func(ctx context.Context) (any, error) { return client.Generate(ctx, nil) },
		"embed":    func(ctx context.Context) (any, error) { return client.Embed(ctx, nil) },
		"rerank":   func(ctx context.Context) (any, error) { return client.Rerank(ctx, nil) },
		"count":    func(ctx context.Context) (any, error) { return client.CountTokens(ctx, nil) },
		"explain":  func(ctx context.Context) (any, error) { return client.Explain(ctx, nil) },
		"model":    func(ctx context.Context) (any, error) { return client.Model(ctx, "m") },
		"models":   func(ctx context.Context) (any, error) { return client.Models(ctx) },
	} {
		if _, err := call(t.Context()); !errors.Is(err, llmgateway.KindNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func fails[Request, Response any](context.Context, *Request) (*Response, error) {
	return nil, status.Error(codes.NotFound, "Name another.")
}

func TestPromptMakesARequestOfAFewWords(t *testing.T) {
	request := llmgateway.Prompt("m", "Hello", llmgateway.System("Be kind."), llmgateway.Temperature(0), llmgateway.MaxOutputTokens(5))
	checkMessage(t, request, parse(t, &llmgatewayv1.GenerateRequest{}, `
		model: "m" sampling { temperature: 0 } max_output_token_count: 5
		messages { role: ROLE_SYSTEM parts { text: "Be kind." } } messages { role: ROLE_USER parts { text: "Hello" } }`))
}

func TestTextIsThatOfTextParts(t *testing.T) {
	response := parseResponse(t, `
		candidates { index: 1 message { parts { text: "other" } } }
		candidates { message { parts { reasoning { text: "hm" } } parts { text: "a" } parts { refusal: "no" } parts { text: "b" } } }`)
	if got := llmgateway.Text(response); got != "ab" {
		t.Errorf("got %q", got)
	}
	if got := llmgateway.CandidateText(response, 1) + llmgateway.CandidateText(response, 2) + llmgateway.Text(nil); got != "other" {
		t.Errorf("got %q", got)
	}
}

func TestModelsReadsAllPagesWithinOneDeadline(t *testing.T) {
	target := serve(t, &gateway{
		listModels: func(_ context.Context, request *llmgatewayv1.ListModelsRequest) (*llmgatewayv1.ListModelsResponse, error) {
			if request.GetPageSize() != 1000 {
				t.Errorf("got pages of %d", request.GetPageSize())
			}
			next := map[string]string{"": "2", "2": "3"}[request.GetPageToken()]
			models := []*llmgatewayv1.Model{{Id: "model-" + request.GetPageToken()}}
			return &llmgatewayv1.ListModelsResponse{Models: models, NextPageToken: next}, nil
		},
	})
	var deadlines []time.Time
	noteDeadline := func(ctx context.Context, method string, request, response any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		deadline, _ := ctx.Deadline()
		deadlines = append(deadlines, deadline)
		return invoke(ctx, method, request, response, connection, options...)
	}
	client := connect(t, target, llmgateway.WithDialOptions(grpc.WithUnaryInterceptor(noteDeadline)))
	models, err := client.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, model := range models {
		ids = append(ids, model.GetId())
	}
	if !slices.Equal(ids, []string{"model-", "model-2", "model-3"}) {
		t.Errorf("got %v", ids)
	}
	if len(deadlines) != 3 || deadlines[0].IsZero() || deadlines[2] != deadlines[0] {
		t.Errorf("got %v", deadlines)
	}
}

func TestEveryCallSendsTheKeyAndSaysWhoItIs(t *testing.T) {
	key := "sk-0123456789!~"
	client := answering(t, func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		sent, _ := metadata.FromIncomingContext(ctx)
		if got := sent.Get("authorization"); !slices.Equal(got, []string{"Bearer " + key}) {
			t.Errorf("got %q", got)
		}
		if got := sent.Get("user-agent"); len(got) != 1 || !strings.HasPrefix(got[0], "llmgateway-go ") {
			t.Errorf("got %q", got)
		}
		return empty, nil
	}, llmgateway.WithKey(key))
	if _, err := client.Generate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotWorkIsRefusedAtOnce(t *testing.T) {
	for name, option := range map[string]llmgateway.Option{
		"an empty key":               llmgateway.WithKey(""),
		"a key with a line break":    llmgateway.WithKey("sk-1\n"),
		"a key with a space":         llmgateway.WithKey("sk 1"),
		"a key that is not ASCII":    llmgateway.WithKey("sk-ü"),
		"no channels":                llmgateway.WithChannels(0),
		"a negative time-out":        llmgateway.WithTimeout(-time.Second),
		"roots that are no PEM":      llmgateway.WithRootCertificates([]byte("no")),
		"a certificate without key":  llmgateway.WithClientCertificate([]byte("no"), nil),
		"options that gRPC refuses":  llmgateway.WithDialOptions(grpc.WithDefaultServiceConfig("no")),
		"dial options without creds": llmgateway.WithDialOptions(grpc.WithTransportCredentials(nil)),
	} {
		if client, err := llmgateway.NewClient("", option); err == nil {
			t.Errorf("%s: got %v", name, client)
		}
	}
}

func TestTheContextBoundsACall(t *testing.T) {
	gone := make(chan struct{})
	client := answering(t, hanging(gone))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Generate(ctx, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, llmgateway.KindDeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-gone
}

func TestTheContextCancelsACall(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	hang := hanging(gone)
	client := answering(t, func(ctx context.Context, request *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		close(arrived)
		return hang(ctx, request)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := client.Generate(ctx, nil)
	if failed := asError(t, err); !errors.Is(err, context.Canceled) || failed.Code != codes.Canceled || failed.Kind != llmgateway.KindOther {
		t.Errorf("got %v", err)
	}
	<-gone
}

func TestACallWithoutADeadlineGetsTheClients(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []llmgateway.Option
		want    time.Duration
	}{
		{"the default", nil, 600 * time.Second},
		{"its own", []llmgateway.Option{llmgateway.WithTimeout(time.Hour)}, time.Hour},
		{"none", []llmgateway.Option{llmgateway.WithTimeout(0)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := answering(t, func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
				deadline, ok := ctx.Deadline()
				left := time.Until(deadline)
				if ok != (c.want > 0) || ok && (left > c.want || left < c.want-time.Minute) {
					t.Errorf("got %v", left)
				}
				return empty, nil
			}, c.options...)
			if _, err := client.Generate(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTheContextsDeadlineIsTheCalls(t *testing.T) {
	client := answering(t, func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < 2*llmgateway.DefaultTimeout {
			t.Errorf("got %v", deadline)
		}
		return empty, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*llmgateway.DefaultTimeout)
	defer cancel()
	if _, err := client.Generate(ctx, nil); err != nil {
		t.Fatal(err)
	}
}

// retried serves tries that fail with a code, and pushback if any, until the last one; it counts them.
func retried(t *testing.T, code codes.Code, pushback string, failures int) (*llmgateway.Client, *atomic.Int64) {
	var tries atomic.Int64
	return answering(t, func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		if pushback != "" {
			if err := grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", pushback)); err != nil {
				t.Error(err)
			}
		}
		before, _ := metadata.FromIncomingContext(ctx)
		if told := strings.Join(before.Get("grpc-previous-rpc-attempts"), ""); told != []string{"", "1", "2", "3"}[tries.Load()] {
			t.Errorf("try %d was told of %q before it", tries.Load()+1, told)
		}
		if tries.Add(1) <= int64(failures) {
			return nil, status.Error(code, "Try again.")
		}
		return empty, nil
	}), &tries
}

func TestACallIsTriedAgainUntilItSucceeds(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Canceled} {
		client, tries := retried(t, code, "0", 3)
		if _, err := client.Generate(t.Context(), nil); err != nil || tries.Load() != 4 {
			t.Errorf("got %v after %d tries that failed with %v", err, tries.Load(), code)
		}
	}
}

func TestACallFailsInTheEnd(t *testing.T) {
	for _, c := range []struct {
		name     string
		code     codes.Code
		pushback string
		tries    int64
	}{
		{"after four tries", codes.Unavailable, "0", 4},
		{"where the gateway wants no other", codes.Unavailable, "-1", 1},
		{"where push-back makes no sense", codes.Unavailable, "soon", 1},
		{"at once where it is rate limited", codes.ResourceExhausted, "", 1},
		{"at once where the gateway is at fault", codes.Internal, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, tries := retried(t, c.code, c.pushback, 10)
			_, err := client.Generate(t.Context(), nil)
			if failed := asError(t, err); tries.Load() != c.tries || failed.Code != c.code || failed.Message != "Try again." {
				t.Errorf("got %v after %d tries", err, tries.Load())
			}
		})
	}
}

func TestALargeAnswerIsReceived(t *testing.T) {
	data := bytes.Repeat([]byte{1}, 60<<20)
	client := answering(t, func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		media := &llmgatewayv1.Part_Media{Media: &llmgatewayv1.Media{Source: &llmgatewayv1.Media_Data{Data: data}}}
		message := &llmgatewayv1.ChatMessage{Parts: []*llmgatewayv1.Part{{Content: media}}}
		return &llmgatewayv1.GenerateResponse{Candidates: []*llmgatewayv1.Candidate{{Message: message}}}, nil
	})
	answer, err := client.Generate(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.GetCandidates()[0].GetMessage().GetParts()[0].GetMedia().GetData(); !bytes.Equal(got, data) {
		t.Errorf("got %d bytes", len(got))
	}
}

// gathering answers once so many calls are there at once, and collects where they came from.
type gathering struct {
	all   sync.WaitGroup
	mutex sync.Mutex
	peers map[string]int
}

func (g *gathering) generate(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
	caller, _ := peer.FromContext(ctx)
	g.mutex.Lock()
	g.peers[caller.Addr.String()]++
	g.mutex.Unlock()
	g.all.Done()
	g.all.Wait()
	return empty, nil
}

func TestCallsThatRunAtOnceSpreadOverConnections(t *testing.T) {
	for _, c := range []struct {
		channels int
		calls    int
	}{{1, 3}, {4, 1}, {4, 3}, {4, 8}} {
		gathered := &gathering{peers: map[string]int{}}
		gathered.all.Add(c.calls)
		client := answering(t, gathered.generate, llmgateway.WithChannels(c.channels))
		var calls sync.WaitGroup
		for range c.calls {
			calls.Go(func() {
				if _, err := client.Generate(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		connections := min(c.channels, c.calls)
		if len(gathered.peers) != connections {
			t.Errorf("%d calls over at most %d connections: got %v", c.calls, c.channels, gathered.peers)
		}
		for _, count := range gathered.peers {
			if count > (c.calls+connections-1)/connections {
				t.Errorf("%d calls over at most %d connections: got %v", c.calls, c.channels, gathered.peers)
			}
		}
	}
}

func TestACallAfterTheOthersGoesToTheFirstConnection(t *testing.T) {
	gathered := &gathering{peers: map[string]int{}}
	client := answering(t, gathered.generate)
	for range 5 {
		gathered.all.Add(1)
		if _, err := client.Generate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(gathered.peers) != 1 {
		t.Errorf("got %v", gathered.peers)
	}
}

func TestTheAddressesOfANameAreUsedInTurn(t *testing.T) {
	var served []int
	name := manual.NewBuilderWithScheme("test")
	var addresses []resolver.Address
	for index := range 2 {
		addresses = append(addresses, resolver.Address{Addr: serve(t, &gateway{
			generate: func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
				served = append(served, index)
				return empty, nil
			},
		})})
	}
	name.InitialState(resolver.State{Addresses: addresses})
	client := connect(t, "test:///gateway", llmgateway.WithDialOptions(grpc.WithResolvers(name)))
	call := func() {
		if _, err := client.Generate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	// Until the second address is connected to as well, all calls go to the first.
	for call(); !slices.Contains(served, 0) || !slices.Contains(served, 1); call() {
	}
	served = nil
	for range 6 {
		call()
	}
	if served[0] == served[1] || !slices.Equal(served[:2], served[2:4]) || !slices.Equal(served[:2], served[4:]) {
		t.Errorf("got %v", served)
	}
}

func TestDialOptionsReachGRPC(t *testing.T) {
	var called atomic.Bool
	intercept := func(ctx context.Context, method string, request, response any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		called.Store(true)
		return invoke(ctx, method, request, response, connection, options...)
	}
	client := answering(t, func(context.Context, *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		return empty, nil
	}, llmgateway.WithDialOptions(grpc.WithUnaryInterceptor(intercept)))
	if _, err := client.Generate(t.Context(), nil); err != nil || !called.Load() {
		t.Errorf("got %v, called: %t", err, called.Load())
	}
}
