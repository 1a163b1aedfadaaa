package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// testCase is one call, and what to do beside it.
type testCase struct {
	Name          string     `json:"name"`
	Client        connection `json:"client"`
	RPC           string     `json:"rpc"`
	RequestBytes  []byte     `json:"request_bytes"`
	TimeoutS      float64    `json:"timeout_s"`
	LeaveAfter    int        `json:"leave_after"`
	CancelAfterMS int        `json:"cancel_after_ms"`
	FollowUpBytes []byte     `json:"follow_up_bytes"`
	Repeat        *repeat    `json:"repeat"`
}

type repeat struct {
	Count       int `json:"count"`
	Concurrency int `json:"concurrency"`
}

// run makes the call; its error is one of the case itself, never of the call.
func (c *testCase) run(client *llmgateway.Client) (*answer, error) {
	seen := &answer{Name: c.Name}
	started := time.Now()
	var err error
	if c.Repeat != nil {
		seen.Repeat, err = c.runRepeatedly(client)
	} else {
		err = c.runOnce(client, seen)
	}
	seen.ElapsedMS = time.Since(started).Milliseconds()
	return seen, err
}

func (c *testCase) runOnce(client *llmgateway.Client, seen *answer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.CancelAfterMS > 0 {
		timer := time.AfterFunc(time.Duration(c.CancelAfterMS)*time.Millisecond, cancel)
		defer timer.Stop()
	}
	err := c.call(ctx, client, seen)
	failed, ok := errors.AsType[*llmgateway.Error](err)
	switch {
	case errors.Is(err, context.Canceled) && c.CancelAfterMS > 0:
		seen.Cancelled = true
	case ok:
		seen.Error = describe(failed)
	default:
		return err
	}
	return nil
}

// runRepeatedly makes the call many times, several at once.
func (c *testCase) runRepeatedly(client *llmgateway.Client) (*repeated, error) {
	results := make(chan error, c.Repeat.Count)
	turns := make(chan struct{}, c.Repeat.Count)
	for range c.Repeat.Count {
		turns <- struct{}{}
	}
	close(turns)
	var workers sync.WaitGroup
	for range c.Repeat.Concurrency {
		workers.Go(func() {
			for range turns {
				results <- c.call(context.Background(), client, &answer{})
			}
		})
	}
	workers.Wait()
	close(results)
	counted := &repeated{Failed: map[string]int{}}
	for err := range results {
		failed, ok := errors.AsType[*llmgateway.Error](err)
		switch {
		case err == nil:
			counted.Succeeded++
		case ok:
			counted.Failed[fmt.Sprintf("%v: %v", failed.Kind, failed)]++
		default:
			return nil, err
		}
	}
	return counted, nil
}

// call makes the call, and its follow-up, within their time.
func (c *testCase) call(ctx context.Context, client *llmgateway.Client, seen *answer) error {
	timed, cancel := c.bound(ctx)
	defer cancel()
	if err := c.callOnce(timed, client, seen); err != nil || c.FollowUpBytes == nil {
		return err
	}
	timed, cancel = c.bound(ctx)
	defer cancel()
	return c.followUp(timed, client, seen)
}

func (c *testCase) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.TimeoutS == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(c.TimeoutS*float64(time.Second)))
}

func (c *testCase) callOnce(ctx context.Context, client *llmgateway.Client, seen *answer) error {
	switch c.RPC {
	case "Generate":
		return unary(ctx, c, seen, client.Generate)
	case "StreamGenerate":
		return c.stream(ctx, client, seen)
	case "Compare":
		return c.compare(ctx, client, seen)
	case "Embed":
		return unary(ctx, c, seen, client.Embed)
	case "Rerank":
		return unary(ctx, c, seen, client.Rerank)
	case "CountTokens":
		return unary(ctx, c, seen, func(ctx context.Context, request *llmgatewayv1.CountTokensRequest) (*llmgatewayv1.CountTokensResponse, error) {
			return client.CountTokens(ctx, request.GetGeneration())
		})
	case "ExplainRoute":
		return unary(ctx, c, seen, func(ctx context.Context, request *llmgatewayv1.ExplainRouteRequest) (*llmgatewayv1.ExplainRouteResponse, error) {
			return client.Explain(ctx, request.GetGeneration())
		})
	case "GetModel":
		return unary(ctx, c, seen, func(ctx context.Context, request *llmgatewayv1.GetModelRequest) (*llmgatewayv1.Model, error) {
			return client.Model(ctx, request.GetId())
		})
	case "ListModels":
		models, err := client.Models(ctx)
		for _, model := range models {
			seen.ModelIDs = append(seen.ModelIDs, model.GetId())
		}
		return err
	default:
		return fmt.Errorf("no such RPC: %s", c.RPC)
	}
}

// pointer is a pointer to a message.
type pointer[Message any] interface {
	*Message
	proto.Message
}

// unary makes a call that has one answer.
func unary[Request, Response any, RequestPointer pointer[Request], ResponsePointer pointer[Response]](
	ctx context.Context,
	c *testCase,
	seen *answer,
	call func(context.Context, RequestPointer) (ResponsePointer, error),
) error {
	request := RequestPointer(new(Request))
	if err := proto.Unmarshal(c.RequestBytes, request); err != nil {
		return err
	}
	response, err := call(ctx, request)
	if err != nil {
		return err
	}
	seen.Response = encode(response)
	return nil
}

func (c *testCase) stream(ctx context.Context, client *llmgateway.Client, seen *answer) error {
	request := &llmgatewayv1.GenerateRequest{}
	if err := proto.Unmarshal(c.RequestBytes, request); err != nil {
		return err
	}
	stream := client.Stream(ctx, request)
	events := []any{}
	var failed error
	for event, err := range stream.Events() {
		if err != nil {
			failed = err
			break
		}
		events = append(events, encode(event))
		if len(events) == c.LeaveAfter {
			seen.Left = true
			break
		}
	}
	response := stream.Response()
	seen.Events = events
	seen.Response = encode(response)
	seen.Text = new(llmgateway.Text(response))
	seen.IsFinished = new(stream.Finished())
	return failed
}

func (c *testCase) compare(ctx context.Context, client *llmgateway.Client, seen *answer) error {
	request := &llmgatewayv1.CompareRequest{}
	if err := proto.Unmarshal(c.RequestBytes, request); err != nil {
		return err
	}
	comparison := client.Compare(ctx, request)
	events := []any{}
	var failed error
	for came, err := range comparison.Events() {
		if err != nil {
			failed = err
			break
		}
		events = append(events, describeEvent(came))
		if len(events) == c.LeaveAfter {
			seen.Left = true
			break
		}
	}
	seen.Events = events
	for _, model := range comparison.Models() {
		compared := comparedModel{model.Name, encode(model.Response()), describeAny(model.Failure())}
		seen.Models = append(seen.Models, compared)
	}
	return failed
}

func describeEvent(came llmgateway.ComparedEvent) comparedEvent {
	if came.Event == nil {
		return comparedEvent{ModelIndex: came.Model.Index, Error: describeAny(came.Model.Failure())}
	}
	return comparedEvent{ModelIndex: came.Model.Index, Event: encode(came.Event)}
}

// followUp asks once more, with the answer's message before the last one.
func (c *testCase) followUp(ctx context.Context, client *llmgateway.Client, seen *answer) error {
	request, first := &llmgatewayv1.GenerateRequest{}, &llmgatewayv1.GenerateResponse{}
	if err := errors.Join(proto.Unmarshal(c.FollowUpBytes, request), proto.Unmarshal(seen.Response, first)); err != nil {
		return err
	}
	last := len(request.GetMessages()) - 1
	request.Messages = slices.Insert(request.Messages, last, first.GetCandidates()[0].GetMessage())
	seen.Sent = encode(request)
	response, err := client.Generate(ctx, request)
	if err != nil {
		return err
	}
	seen.FollowUp = encode(response)
	return nil
}
