package llmgateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

const (
	errorDomain  = "llmgateway.dev"
	callIDKey    = "x-request-id"
	reasonPrefix = "ERROR_REASON_"
)

var (
	unspecifiedReason = llmgatewayv1.ErrorReason_ERROR_REASON_UNSPECIFIED.String()
	// gRPC's own words for a message or metadata over the receiver's limit.
	tooLargeWords = []string{"message larger than max", "metadata size exceeds"}
)

// A Kind tells what a caller can do about a failed call. It is an error itself, so that errors.Is finds it:
//
//	if errors.Is(err, llmgateway.KindRateLimited) { … }
type Kind int

const (
	// KindOther is whatever fits none of the others, a call that was canceled among it.
	KindOther Kind = iota
	// KindInvalidRequest: the request is wrong, or no target can serve it; sending it again is no use.
	KindInvalidRequest
	// KindAuthentication: the key is absent, unknown, expired or revoked.
	KindAuthentication
	// KindPermissionDenied: the key may not do this.
	KindPermissionDenied
	// KindNotFound: no model and no route has this name, or the cache does not hold the answer.
	KindNotFound
	// KindRateLimited: a limit of the provider or of the gateway is reached; try again after [Error.RetryAfter].
	KindRateLimited
	// KindUnavailable: the gateway cannot be reached, or every target failed before any content; try again.
	KindUnavailable
	// KindDeadlineExceeded: the call took longer than its context allows, or one of the gateway's timers ran out.
	// Such an error is a [context.DeadlineExceeded], too.
	KindDeadlineExceeded
	// KindStreamBroken: the stream broke off after content had come; trying again means paying again.
	KindStreamBroken
)

var kindNames = [...]string{
	KindOther:            "OTHER",
	KindInvalidRequest:   "INVALID_REQUEST",
	KindAuthentication:   "AUTHENTICATION",
	KindPermissionDenied: "PERMISSION_DENIED",
	KindNotFound:         "NOT_FOUND",
	KindRateLimited:      "RATE_LIMITED",
	KindUnavailable:      "UNAVAILABLE",
	KindDeadlineExceeded: "DEADLINE_EXCEEDED",
	KindStreamBroken:     "STREAM_BROKEN",
}

// String returns the kind's name, for example RATE_LIMITED.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// Error returns the kind's name.
func (k Kind) Error() string { return k.String() }

var kindsByCode = map[codes.Code]Kind{
	codes.InvalidArgument:    KindInvalidRequest,
	codes.FailedPrecondition: KindInvalidRequest,
	codes.Unauthenticated:    KindAuthentication,
	codes.PermissionDenied:   KindPermissionDenied,
	codes.NotFound:           KindNotFound,
	codes.Unavailable:        KindUnavailable,
	codes.DeadlineExceeded:   KindDeadlineExceeded,
}

// RESOURCE_EXHAUSTED is also gRPC's word for a message that is too large, where waiting is no use: the reason tells.
var kindsByReason = map[llmgatewayv1.ErrorReason]Kind{
	llmgatewayv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:        KindRateLimited,
	llmgatewayv1.ErrorReason_ERROR_REASON_PROVIDER_RATE_LIMITED: KindRateLimited,
	llmgatewayv1.ErrorReason_ERROR_REASON_GATEWAY_OVERLOADED:    KindRateLimited,
	llmgatewayv1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE:     KindInvalidRequest,
	llmgatewayv1.ErrorReason_ERROR_REASON_STREAM_BROKEN:         KindStreamBroken,
}

// kindOf returns the kind of a status. UNAVAILABLE after content is a broken stream, whoever noticed it.
func kindOf(status codes.Code, reason llmgatewayv1.ErrorReason, started bool) Kind {
	if kind, ok := kindsByReason[reason]; ok {
		return kind
	}
	if status == codes.Unavailable && started {
		return KindStreamBroken
	}
	return kindsByCode[status]
}

// An Error tells all that is known of a call that failed. Branch on its kind or its reason, never on the message:
//
//	if failure, ok := errors.AsType[*llmgateway.Error](err); ok && failure.Kind == llmgateway.KindRateLimited { … }
type Error struct {
	// Kind tells what can be done.
	Kind Kind
	// Code is the status of gRPC.
	Code codes.Code
	// Reason is unspecified where the gateway gave none, as for a failure of the network, or gave one that is newer
	// than this client.
	Reason llmgatewayv1.ErrorReason
	// ReasonName is the reason's name as it came.
	ReasonName string
	// Message is one sentence that says what to do next.
	Message string
	// Metadata belongs to the reason: see the comments of [llmgatewayv1.ErrorReason].
	Metadata map[string]string
	// RetryAfter is the time after which trying again may help; nil where the gateway does not say.
	RetryAfter *time.Duration
	// CallID is the gateway's id of the call; empty where the call never reached it.
	CallID string
	// Started tells whether content had come before the failure: then trying again means paying again.
	Started bool
	// Attempts are those that the gateway made.
	Attempts []*llmgatewayv1.Attempt
	// Usage is what was charged all the same; nil if nothing was, or if it is unknown.
	Usage *llmgatewayv1.Usage
	// ProviderMessage is the provider's own message, redacted.
	ProviderMessage string
	// Violations are the wrong fields of the request.
	Violations []FieldViolation
	// QuotaViolations are the quotas that refused the call.
	QuotaViolations []*llmgatewayv1.QuotaViolation

	cause error
}

// A FieldViolation is one wrong field: its path in the request, and what would be right.
type FieldViolation struct {
	Field       string
	Description string
}

// Error returns the message with the reason, or else the code, and the call's id.
func (e *Error) Error() string {
	name := codeName(e.Code)
	if e.ReasonName != unspecifiedReason {
		name = strings.TrimPrefix(e.ReasonName, reasonPrefix)
	}
	if e.CallID == "" {
		return fmt.Sprintf("%s [%s]", e.Message, name)
	}
	return fmt.Sprintf("%s [%s, call %s]", e.Message, name, e.CallID)
}

// Unwrap returns what was found below: an error of gRPC, or a [*GrammarError]; nil if neither.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus returns the status of the call, for [status.FromError] and [status.Code].
func (e *Error) GRPCStatus() *status.Status {
	if e.cause == nil || statusOf(e.cause).Code() != e.Code {
		return status.New(e.Code, e.Message)
	}
	return statusOf(e.cause)
}

// Is tells whether the error is of a [Kind]; that of a deadline is context.DeadlineExceeded, too, and that of a call
// that was canceled is context.Canceled.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Kind == KindDeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// statusOf returns the status as it was sent. After the last of several tries gRPC wraps it in words of its own, which
// [status.FromError] would put into its message.
func statusOf(err error) *status.Status {
	var sent interface{ GRPCStatus() *status.Status }
	if errors.As(err, &sent) {
		return sent.GRPCStatus()
	}
	return status.Convert(err)
}

// errorOf returns what a failed call means. Details that are absent, unknown or broken are left out: the status itself
// always stands.
func errorOf(err error, trailer metadata.MD, contentCame bool) *Error {
	failed := statusOf(err)
	details := detailsOf(failed)
	e := &Error{
		Code:       failed.Code(),
		Message:    failed.Message(),
		ReasonName: unspecifiedReason,
		Started:    contentCame,
		cause:      err,
	}
	if e.Message == "" {
		e.Message = codeName(e.Code)
	}
	switch {
	case details.info != nil:
		e.ReasonName, e.Metadata = details.info.GetReason(), details.info.GetMetadata()
	case isTooLarge(failed):
		e.ReasonName = llmgatewayv1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE.String()
	}
	e.Reason = llmgatewayv1.ErrorReason(llmgatewayv1.ErrorReason_value[e.ReasonName])
	if details.retry != nil {
		delay := max(0, details.retry.GetRetryDelay().AsDuration())
		e.RetryAfter = &delay
	}
	e.Violations = details.violations
	e.tell(details.failure)
	if e.CallID == "" {
		e.CallID = firstOf(trailer, callIDKey)
	}
	e.Kind = kindOf(e.Code, e.Reason, e.Started)
	return e
}

// errorOfModel returns what the failure of one of several models means: the error of its own stream.
func errorOfModel(told *llmgatewayv1.CompareFailure, contentCame bool) *Error {
	e := &Error{
		Code:       knownCode(told.GetCode()),
		ReasonName: unspecifiedReason,
		Message:    told.GetMessage(),
		Started:    contentCame,
	}
	if name, ok := llmgatewayv1.ErrorReason_name[int32(told.GetReason())]; ok {
		e.Reason, e.ReasonName = told.GetReason(), name
	}
	if e.Message == "" {
		e.Message = codeName(e.Code)
	}
	e.tell(told.GetFailure())
	e.Kind = kindOf(e.Code, e.Reason, e.Started)
	return e
}

// brokenStream returns the error of a stream that is not as the contract has it.
func brokenStream(message string, cause error) *Error {
	return &Error{
		Kind:       KindStreamBroken,
		Code:       codes.Internal,
		ReasonName: unspecifiedReason,
		Message:    message,
		cause:      cause,
	}
}

// tell takes what the gateway knows of the call.
func (e *Error) tell(failure *llmgatewayv1.CallFailure) {
	e.CallID = failure.GetCallId()
	e.Started = e.Started || failure.GetStarted()
	e.Attempts = failure.GetAttempts()
	e.Usage = failure.GetUsage()
	e.ProviderMessage = failure.GetProviderMessage()
	e.QuotaViolations = failure.GetQuotaViolations()
}

// details are those of a status that this client reads; nil where there is none that can be read.
type details struct {
	info       *errdetails.ErrorInfo
	retry      *errdetails.RetryInfo
	failure    *llmgatewayv1.CallFailure
	violations []FieldViolation
}

func detailsOf(failed *status.Status) details {
	var found details
	// A detail that is unknown or broken comes as an error.
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if found.info == nil && detail.GetDomain() == errorDomain {
				found.info = detail
			}
		case *errdetails.RetryInfo:
			if found.retry == nil {
				found.retry = detail
			}
		case *llmgatewayv1.CallFailure:
			if found.failure == nil {
				found.failure = detail
			}
		case *errdetails.BadRequest:
			for _, wrong := range detail.GetFieldViolations() {
				violation := FieldViolation{Field: wrong.GetField(), Description: wrong.GetDescription()}
				found.violations = append(found.violations, violation)
			}
		}
	}
	return found
}

// isTooLarge tells whether gRPC itself refused a message over a limit, before the gateway saw it.
func isTooLarge(failed *status.Status) bool {
	if failed.Code() != codes.ResourceExhausted {
		return false
	}
	for _, words := range tooLargeWords {
		if strings.Contains(failed.Message(), words) {
			return true
		}
	}
	return false
}

func firstOf(values metadata.MD, key string) string {
	if found := values.Get(key); len(found) > 0 {
		return found[0]
	}
	return ""
}

// codeName returns the name of a code as the specification writes it, for example RESOURCE_EXHAUSTED.
func codeName(status codes.Code) string { return code.Code(status).String() }

func knownCode(number int32) codes.Code {
	if _, ok := code.Code_name[number]; ok {
		return codes.Code(number)
	}
	return codes.Unknown
}
