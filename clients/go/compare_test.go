package llmgateway_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

const (
	begins = `events { events { started {} } events { part_started { part { text: "a" } } } }`
	ends   = `events { events { part_finished {} } events { candidate_finished {} } events { finished {} } }`
)

// comparing returns a comparison of two models, of which a gateway sends messages, and then an error, if any.
func comparing(t testing.TB, end error, messages ...string) *llmgateway.Comparison {
	t.Helper()
	client := connect(t, serve(t, &gateway{
		compare: func(request *llmgatewayv1.CompareRequest, answers compareServer) error {
			want := parse(t, &llmgatewayv1.CompareRequest{}, `models: "one" models: "two" generation { messages { role: ROLE_USER parts { text: "Hello" } } }`)
			checkMessage(t, request, want)
			answers.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "-1", "x-request-id", "call-1"))
			for _, message := range messages {
				if err := answers.Send(parse(t, &llmgatewayv1.CompareResponse{}, message)); err != nil {
					t.Error(err)
				}
			}
			return end
		},
	}))
	return client.Compare(t.Context(), llmgateway.CompareModels([]string{"one", "two"}, "Hello"))
}

func TestAComparisonYieldsWhatEachModelWrites(t *testing.T) {
	comparison := comparing(t, nil, begins, `model_index: 1 `+begins, `model_index: 1`, `model_index: 1 `+ends, ends)
	var came []string
	for event, err := range comparison.Events() {
		if err != nil {
			t.Fatal(err)
		}
		came = append(came, event.Model.Name+" "+strings.Fields(event.Event.String())[0])
	}
	if len(came) != 10 || !strings.HasPrefix(came[0], "one started") || !strings.HasPrefix(came[9], "one finished") {
		t.Errorf("got %q", came)
	}
	for index, model := range comparison.Models() {
		answer, err := model.Result()
		if err != nil || llmgateway.Text(answer) != "a" || model.Index != index || model.Failure() != nil {
			t.Errorf("%s: got %v, %v", model.Name, answer, err)
		}
	}
}

func TestAModelThatFailsEndsNothingForTheOthers(t *testing.T) {
	comparison := comparing(t, nil, begins, `model_index: 1 `+begins, `failure {
		code: 14 reason: ERROR_REASON_PROVIDER_OVERLOADED message: "Wait."
		failure { call_id: "call-2" attempts { http_status: 503 } usage { input_token_count: 1 } provider_message: "busy" quota_violations { scope: "s" } }
	}`, `model_index: 1 `+ends)
	var failures []*llmgateway.ComparedModel
	for event, err := range comparison.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.Event == nil {
			failures = append(failures, event.Model)
		}
	}
	one, two := comparison.Models()[0], comparison.Models()[1]
	if !slices.Equal(failures, []*llmgateway.ComparedModel{one}) || !two.Finished() || two.Failure() != nil {
		t.Errorf("got %v, %v", failures, two.Failure())
	}
	failed := one.Failure()
	if _, err := one.Result(); err != error(failed) {
		t.Errorf("got %v", err)
	}
	// Content of this model had come, so that its own stream would have been broken.
	if failed.Kind != llmgateway.KindStreamBroken || !failed.Started || status.Code(failed) != codes.Unavailable {
		t.Errorf("got %+v", failed)
	}
	if got, want := failed.Error(), "Wait. [PROVIDER_OVERLOADED, call call-2]"; got != want {
		t.Errorf("got %q", got)
	}
	if failed.Attempts[0].GetHttpStatus() != 503 || failed.Usage.GetInputTokenCount() != 1 || failed.ProviderMessage != "busy" || len(failed.QuotaViolations) != 1 {
		t.Errorf("got %+v", failed)
	}
	if text := llmgateway.Text(one.Response()); text != "a" {
		t.Errorf("kept %q", text)
	}
}

func TestAFailureThatIsNewerThanTheClientIsAFailureAllTheSame(t *testing.T) {
	models, err := comparing(t, nil, `failure { code: 99 reason: 9999 }`, `model_index: 1 failure { code: 8 reason: ERROR_REASON_GATEWAY_OVERLOADED }`).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := models[0].Failure().Error(), "UNKNOWN [UNKNOWN]"; got != want {
		t.Errorf("got %q", got)
	}
	if failed := models[1].Failure(); failed.Kind != llmgateway.KindRateLimited || failed.Started {
		t.Errorf("got %+v", failed)
	}
}

func TestWhatConcernsAllModelsIsTheErrorOfEachThatHadNotEnded(t *testing.T) {
	for _, c := range []struct {
		name     string
		end      error
		messages []string
		kind     llmgateway.Kind
		message  string
	}{
		{"a status before content", status.Error(codes.Unavailable, "Do this."), nil, llmgateway.KindUnavailable, "Do this."},
		{"a status after content", status.Error(codes.Unavailable, "Do this."), []string{begins, ends}, llmgateway.KindStreamBroken, "Do this."},
		{"an early end", nil, []string{begins, ends}, llmgateway.KindStreamBroken, "The stream ended before every model had."},
		{"an unknown model", nil, []string{`model_index: 2 ` + begins}, llmgateway.KindStreamBroken, "The stream makes no sense: there is no model 2."},
		{"a negative model", nil, []string{`model_index: -1 ` + begins}, llmgateway.KindStreamBroken, "The stream makes no sense: there is no model -1."},
		{"events after the end", nil, []string{begins, ends, ends}, llmgateway.KindStreamBroken, "The stream makes no sense: one goes on after its end."},
		{"events after a failure", nil, []string{`failure { code: 5 }`, begins}, llmgateway.KindStreamBroken, "The stream makes no sense: one goes on after its end."},
		{"no start", nil, []string{`model_index: 1 ` + ends}, llmgateway.KindStreamBroken, "The stream makes no sense: two: part_finished precedes started, which is the first event."},
	} {
		t.Run(c.name, func(t *testing.T) {
			comparison := comparing(t, c.end, c.messages...)
			_, err := comparison.Collect()
			if failed := asError(t, err); failed.Kind != c.kind || failed.Message != c.message {
				t.Fatalf("got %v", err)
			}
			one, two := comparison.Models()[0], comparison.Models()[1]
			if error(two.Failure()) != err {
				t.Errorf("two: got %v", two.Failure())
			}
			hadEnded := slices.Contains(c.messages, ends) || slices.Contains(c.messages, `failure { code: 5 }`)
			if (error(one.Failure()) != err) != hadEnded {
				t.Errorf("one: got %v", one.Failure())
			}
			if _, again := comparison.Collect(); again != err {
				t.Errorf("read again: got %v", again)
			}
		})
	}
}

func TestLeavingAComparisonCancelsTheCall(t *testing.T) {
	gone := make(chan struct{})
	client := connect(t, serve(t, &gateway{
		compare: func(_ *llmgatewayv1.CompareRequest, answers compareServer) error {
			if err := answers.Send(parse(t, &llmgatewayv1.CompareResponse{}, begins)); err != nil {
				t.Error(err)
			}
			<-answers.Context().Done()
			close(gone)
			return answers.Context().Err()
		},
	}))
	comparison := client.Compare(t.Context(), llmgateway.CompareModels([]string{"one", "two"}, "Hello"))
	for range comparison.Events() {
		break
	}
	<-gone
	if _, err := comparison.Collect(); err != llmgateway.ErrClosed {
		t.Errorf("got %v", err)
	}
	if _, err := comparison.Models()[0].Result(); err == nil || comparison.Models()[0].Failure() != nil {
		t.Errorf("got %v", err)
	}
}

func TestACanceledComparisonIsThatOfAllModels(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client := connect(t, serve(t, &gateway{
		compare: func(_ *llmgatewayv1.CompareRequest, answers compareServer) error {
			cancel()
			<-answers.Context().Done()
			return answers.Context().Err()
		},
	}))
	comparison := client.Compare(ctx, llmgateway.CompareModels([]string{"one", "two"}, "Hello"))
	if _, err := comparison.Collect(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if failed := comparison.Models()[1].Failure(); !errors.Is(failed, context.Canceled) {
		t.Errorf("got %v", failed)
	}
}
