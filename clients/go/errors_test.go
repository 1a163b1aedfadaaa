package llmgateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// failing returns the error of a call that fails with a status and trailing metadata.
func failing(t *testing.T, failed *spb.Status, trailing ...string) *llmgateway.Error {
	t.Helper()
	client := answering(t, func(ctx context.Context, _ *llmgatewayv1.GenerateRequest) (*llmgatewayv1.GenerateResponse, error) {
		// No second try: a test of retries is elsewhere.
		trailing = append(trailing, "grpc-retry-pushback-ms", "-1")
		if err := grpc.SetTrailer(ctx, metadata.Pairs(trailing...)); err != nil {
			return nil, err
		}
		return nil, status.FromProto(failed).Err()
	})
	_, err := client.Generate(t.Context(), llmgateway.Prompt("m", "Hello"))
	return asError(t, err)
}

func asError(t testing.TB, err error) *llmgateway.Error {
	t.Helper()
	failed, ok := errors.AsType[*llmgateway.Error](err)
	if !ok {
		t.Fatalf("got %v, which is no *Error", err)
	}
	return failed
}

func statusOf(t testing.TB, code codes.Code, message string, details ...proto.Message) *spb.Status {
	t.Helper()
	made := &spb.Status{Code: int32(code), Message: message}
	for _, detail := range details {
		wrapped, err := anypb.New(detail)
		if err != nil {
			t.Fatal(err)
		}
		made.Details = append(made.Details, wrapped)
	}
	return made
}

func reason(name string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Domain: "llmgateway.dev", Reason: name}
}

func TestEveryFailureHasItsKind(t *testing.T) {
	for _, c := range []struct {
		code   codes.Code
		reason string
		kind   llmgateway.Kind
	}{
		{codes.InvalidArgument, "ERROR_REASON_INVALID_FIELD", llmgateway.KindInvalidRequest},
		{codes.InvalidArgument, "", llmgateway.KindInvalidRequest},
		{codes.FailedPrecondition, "ERROR_REASON_CAPABILITY_MISSING", llmgateway.KindInvalidRequest},
		{codes.Unauthenticated, "ERROR_REASON_API_KEY_INVALID", llmgateway.KindAuthentication},
		{codes.PermissionDenied, "ERROR_REASON_MODEL_NOT_ALLOWED", llmgateway.KindPermissionDenied},
		{codes.NotFound, "ERROR_REASON_MODEL_NOT_FOUND", llmgateway.KindNotFound},
		{codes.ResourceExhausted, "ERROR_REASON_QUOTA_EXCEEDED", llmgateway.KindRateLimited},
		{codes.ResourceExhausted, "ERROR_REASON_PROVIDER_RATE_LIMITED", llmgateway.KindRateLimited},
		{codes.ResourceExhausted, "ERROR_REASON_GATEWAY_OVERLOADED", llmgateway.KindRateLimited},
		{codes.ResourceExhausted, "ERROR_REASON_REQUEST_TOO_LARGE", llmgateway.KindInvalidRequest},
		{codes.ResourceExhausted, "ERROR_REASON_BUDGET_EXCEEDED", llmgateway.KindOther},
		{codes.ResourceExhausted, "", llmgateway.KindOther},
		{codes.Unavailable, "ERROR_REASON_ALL_TARGETS_FAILED", llmgateway.KindUnavailable},
		{codes.Unavailable, "ERROR_REASON_STREAM_BROKEN", llmgateway.KindStreamBroken},
		{codes.Unavailable, "ERROR_REASON_NEWER_THAN_THIS_CLIENT", llmgateway.KindUnavailable},
		{codes.DeadlineExceeded, "ERROR_REASON_TOTAL_TIMEOUT", llmgateway.KindDeadlineExceeded},
		{codes.Canceled, "", llmgateway.KindOther},
		{codes.Internal, "ERROR_REASON_INTERNAL_ERROR", llmgateway.KindOther},
		{codes.Aborted, "ERROR_REASON_READER_TOO_SLOW", llmgateway.KindOther},
	} {
		t.Run(c.code.String()+c.reason, func(t *testing.T) {
			var details []proto.Message
			if c.reason != "" {
				details = append(details, reason(c.reason))
			}
			err := failing(t, statusOf(t, c.code, "Do this.", details...), "x-request-id", "call-1")
			if err.Kind != c.kind || !errors.Is(err, c.kind) {
				t.Errorf("got %v", err.Kind)
			}
			if err.Code != c.code || status.Code(err) != c.code || err.Message != "Do this." || err.CallID != "call-1" {
				t.Errorf("got %v: %v", status.Code(err), err)
			}
			if got, want := errors.Is(err, context.DeadlineExceeded), c.code == codes.DeadlineExceeded; got != want {
				t.Errorf("is a deadline: %t", got)
			}
			if got, want := errors.Is(err, context.Canceled), c.code == codes.Canceled; got != want {
				t.Errorf("is a cancellation: %t", got)
			}
		})
	}
}

func TestAnErrorHoldsAllThatTheGatewaySays(t *testing.T) {
	info := reason("ERROR_REASON_PROVIDER_RATE_LIMITED")
	info.Metadata = map[string]string{"provider": "p"}
	told := parse(t, &llmgatewayv1.CallFailure{}, `
		call_id: "call-2" started: true provider_message: "slow down"
		attempts { provider: "p" http_status: 429 } usage { input_token_count: 3 } quota_violations { scope: "team/a" }`)
	err := failing(t, statusOf(t, codes.ResourceExhausted, "Wait.",
		&errdetails.ErrorInfo{Domain: "elsewhere.dev", Reason: "OTHER"},
		info,
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "model", Description: "Name one."}}},
		told,
	), "x-request-id", "another")
	if err.Reason != llmgatewayv1.ErrorReason_ERROR_REASON_PROVIDER_RATE_LIMITED || err.ReasonName != info.GetReason() {
		t.Errorf("got %v, %s", err.Reason, err.ReasonName)
	}
	if err.Metadata["provider"] != "p" || len(err.Metadata) != 1 {
		t.Errorf("got %v", err.Metadata)
	}
	if err.RetryAfter == nil || *err.RetryAfter != 1500*time.Millisecond {
		t.Errorf("got %v", err.RetryAfter)
	}
	if len(err.Violations) != 1 || err.Violations[0] != (llmgateway.FieldViolation{Field: "model", Description: "Name one."}) {
		t.Errorf("got %v", err.Violations)
	}
	checkMessage(t, &llmgatewayv1.CallFailure{
		CallId: err.CallID, Started: err.Started, Attempts: err.Attempts, Usage: err.Usage,
		ProviderMessage: err.ProviderMessage, QuotaViolations: err.QuotaViolations,
	}, told)
	if got, want := err.Error(), "Wait. [PROVIDER_RATE_LIMITED, call call-2]"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAnErrorWithoutDetailsIsItsStatus(t *testing.T) {
	err := failing(t, statusOf(t, codes.ResourceExhausted, ""))
	if got, want := err.Error(), "RESOURCE_EXHAUSTED [RESOURCE_EXHAUSTED]"; got != want {
		t.Errorf("got %q", got)
	}
	if err.RetryAfter != nil || err.Usage != nil || err.CallID != "" || err.Started || err.ReasonName != "ERROR_REASON_UNSPECIFIED" {
		t.Errorf("got %+v", err)
	}
}

func TestDetailsThatCannotBeReadAreLeftOut(t *testing.T) {
	const typeURL = "type.googleapis.com/"
	failed := statusOf(t, codes.NotFound, "Name another.", reason("ERROR_REASON_MODEL_NOT_FOUND"))
	failed.Details = append([]*anypb.Any{
		{TypeUrl: typeURL + "google.rpc.ErrorInfo", Value: []byte("\xff")},
		{TypeUrl: typeURL + "llmgateway.v1.CallFailure", Value: []byte("\xff")},
		{TypeUrl: typeURL + "llmgateway.v1.NewerThanThisClient"},
		{},
	}, failed.Details...)
	err := failing(t, failed)
	if got, want := err.Error(), "Name another. [MODEL_NOT_FOUND]"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestDetailsThatAreNoStatusAreLeftOut(t *testing.T) {
	err := failing(t, statusOf(t, codes.NotFound, "Name another."), "grpc-status-details-bin", "\xff\xff")
	if got, want := err.Error(), "Name another. [NOT_FOUND]"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAReasonThatIsNewerKeepsItsName(t *testing.T) {
	err := failing(t, statusOf(t, codes.Unavailable, "Wait.", reason("ERROR_REASON_NEW")))
	if err.Reason != llmgatewayv1.ErrorReason_ERROR_REASON_UNSPECIFIED || err.ReasonName != "ERROR_REASON_NEW" {
		t.Errorf("got %v, %s", err.Reason, err.ReasonName)
	}
	if got, want := err.Error(), "Wait. [NEW]"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestADelayThatIsNegativeIsNone(t *testing.T) {
	err := failing(t, statusOf(t, codes.Unavailable, "Wait.", &errdetails.RetryInfo{RetryDelay: durationpb.New(-time.Second)}))
	if err.RetryAfter == nil || *err.RetryAfter != 0 {
		t.Errorf("got %v", err.RetryAfter)
	}
}

func TestAMessageOverTheGatewaysLimitIsTheRequestsFault(t *testing.T) {
	target := serve(t, &gateway{}, grpc.MaxRecvMsgSize(1000))
	_, err := connect(t, target).Generate(t.Context(), llmgateway.Prompt("m", strings.Repeat("x", 2000)))
	failed := asError(t, err)
	if failed.Kind != llmgateway.KindInvalidRequest || failed.Reason != llmgatewayv1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE {
		t.Errorf("got %v", err)
	}
}

func TestAKindHasAName(t *testing.T) {
	if got := llmgateway.KindStreamBroken.Error(); got != "STREAM_BROKEN" {
		t.Errorf("got %q", got)
	}
	if got := llmgateway.Kind(99).String(); got != "Kind(99)" {
		t.Errorf("got %q", got)
	}
}
