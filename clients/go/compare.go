package llmgateway

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// A ComparedModel is one of the models that are compared: what it has written by now, and how it ended.
type ComparedModel struct {
	// Index is its place among the models asked.
	Index int
	// Name is what it was asked by.
	Name string

	fold        Fold
	contentCame bool
	failure     *Error
}

// Response returns what its events so far add up to: the whole answer once it is finished. What came before a failure
// stays in it.
func (m *ComparedModel) Response() *llmgatewayv1.GenerateResponse { return m.fold.Response() }

// Finished tells whether its last event has come: the response is the whole answer.
func (m *ComparedModel) Finished() bool { return m.fold.Finished() }

// Failure returns why it failed; nil if it has not.
func (m *ComparedModel) Failure() *Error { return m.failure }

// Result returns the whole answer, or why there is none: an [*Error], unless the comparison was not read to its end.
func (m *ComparedModel) Result() (*llmgatewayv1.GenerateResponse, error) {
	switch {
	case m.failure != nil:
		return nil, m.failure
	case !m.Finished():
		return nil, fmt.Errorf("llmgateway: %s has not finished: read the comparison to its end", m.Name)
	default:
		return m.Response(), nil
	}
}

// isRunning tells whether more is to come from the model.
func (m *ComparedModel) isRunning() bool { return !m.Finished() && m.failure == nil }

func (m *ComparedModel) hasContent() bool { return m.contentCame }

func (m *ComparedModel) add(event *llmgatewayv1.GenerationEvent) error {
	if err := m.fold.Add(event); err != nil {
		return err
	}
	m.contentCame = m.contentCame || isContent(event)
	return nil
}

// A ComparedEvent is what came next of one model: an event, or its failure, which has no event.
type ComparedEvent struct {
	Model *ComparedModel
	Event *llmgatewayv1.GenerationEvent
}

// A Comparison is what several models write, event by event, each as it comes. The call begins when it is first read:
//
//	comparison := client.Compare(ctx, llmgateway.CompareModels([]string{"mock/echo", "mock/lorem"}, "Hello"))
//	models, err := comparison.Collect()
//	if err != nil {
//		return err
//	}
//	for _, model := range models {
//		answer, err := model.Result()
//		…
//	}
//
// That one model fails ends nothing for the others. The error of a range is what concerns them all: then it is the
// failure of each that had not ended.
//
// Leaving the range early cancels the call, and every provider stops working. One goroutine reads a comparison; any
// may close it.
type Comparison struct {
	call    *running[llmgatewayv1.CompareResponse]
	models  []*ComparedModel
	pending []ComparedEvent
	// Why no more events come; io.EOF after the last one.
	end error
}

// Models returns the models in the order in which they were asked.
func (c *Comparison) Models() []*ComparedModel { return c.models }

// Close cancels the call unless it has ended. No event comes afterwards. Whoever ranges over a comparison need not
// close it.
func (c *Comparison) Close() { c.call.close() }

// Events returns what comes of any model as it comes, and at last the error if the call as a whole fails: an [*Error],
// or [ErrClosed]. Single use: leaving the range closes the comparison.
func (c *Comparison) Events() iter.Seq2[ComparedEvent, error] {
	return func(yield func(ComparedEvent, error) bool) {
		defer c.Close()
		for {
			event, err := c.next()
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Collect reads to the end and returns the models, each with its answer or its failure.
func (c *Comparison) Collect() ([]*ComparedModel, error) {
	for _, err := range c.Events() {
		if err != nil {
			return nil, err
		}
	}
	return c.models, nil
}

// next returns the next event, or why there is none.
func (c *Comparison) next() (ComparedEvent, error) {
	if c.end == nil {
		c.end = c.fill()
	}
	if c.end != nil {
		return ComparedEvent{}, c.end
	}
	came := c.pending[0]
	c.pending = c.pending[1:]
	if came.Event != nil {
		if err := came.Model.add(came.Event); err != nil {
			c.end = c.fail(brokenStream(makesNoSense(came.Model.Name+": "+err.Error()), err))
			return ComparedEvent{}, c.end
		}
	}
	return came, nil
}

// fill reads until there is an event.
func (c *Comparison) fill() error {
	for len(c.pending) == 0 {
		message, err := c.call.read(slices.ContainsFunc(c.models, (*ComparedModel).hasContent))
		if err != nil {
			return c.endOf(err)
		}
		if broken := c.take(message); broken != nil {
			return c.fail(broken)
		}
	}
	if c.call.isClosed() {
		return ErrClosed
	}
	return nil
}

// endOf returns why no more messages come: io.EOF only if every model has ended.
func (c *Comparison) endOf(err error) error {
	if failed, ok := errors.AsType[*Error](err); ok {
		return c.fail(failed)
	}
	if err == io.EOF && slices.ContainsFunc(c.models, (*ComparedModel).isRunning) {
		return c.fail(brokenStream("The stream ended before every model had.", nil))
	}
	return err
}

// fail makes an error that of every model that has not ended.
func (c *Comparison) fail(failed *Error) error {
	for _, model := range c.models {
		if model.isRunning() {
			model.failure = failed
		}
	}
	return failed
}

// take queues what a message holds; one of a kind that is newer than this client holds nothing.
func (c *Comparison) take(message *llmgatewayv1.CompareResponse) *Error {
	index := int(message.GetModelIndex())
	if index < 0 || index >= len(c.models) {
		return brokenStream(makesNoSense(fmt.Sprintf("there is no model %d", index)), nil)
	}
	model := c.models[index]
	if !model.isRunning() {
		return brokenStream(makesNoSense(model.Name+" goes on after its end"), nil)
	}
	if failure, ok := message.GetItem().(*llmgatewayv1.CompareResponse_Failure); ok {
		model.failure = errorOfModel(failure.Failure, model.contentCame)
		c.pending = append(c.pending, ComparedEvent{Model: model})
	}
	for _, event := range message.GetEvents().GetEvents() {
		c.pending = append(c.pending, ComparedEvent{Model: model, Event: event})
	}
	return nil
}
