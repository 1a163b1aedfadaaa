package llmgateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// A GrammarError tells which event came in an order that the contract does not allow, and why.
type GrammarError struct {
	Message string
}

func (e *GrammarError) Error() string { return e.Message }

func grammarErrorf(format string, arguments ...any) error {
	return &GrammarError{Message: fmt.Sprintf(format, arguments...)}
}

// FoldEvents returns what the events of a generation add up to, or a [*GrammarError] where they are none, or lack
// their end.
func FoldEvents(events []*llmgatewayv1.GenerationEvent) (*llmgatewayv1.GenerateResponse, error) {
	var fold Fold
	for _, event := range events {
		if err := fold.Add(event); err != nil {
			return nil, err
		}
	}
	if !fold.Finished() {
		return nil, grammarErrorf("the events end without finished, which is the last event")
	}
	return fold.Response(), nil
}

// A Fold adds the events of a generation up, one by one, in time linear in their size. The zero Fold is ready to use.
//
// How text is cut into deltas has no meaning: the fold is the same. Events of a kind unknown to this client change
// nothing, nor do heartbeats and provider events. Nothing of an event is kept or changed: what is needed is copied.
type Fold struct {
	call       *llmgatewayv1.CallInfo
	usage      *llmgatewayv1.Usage
	candidates map[int32]*openCandidate
	started    bool
	whole      *llmgatewayv1.GenerateResponse
}

// Finished tells whether the last event has been added: the response is whole.
func (f *Fold) Finished() bool { return f.whole != nil }

// Response returns what the events so far add up to. Until the fold is finished it is a copy, made anew at each call
// in time linear in its size.
func (f *Fold) Response() *llmgatewayv1.GenerateResponse {
	if f.whole != nil {
		return f.whole
	}
	return proto.CloneOf(f.assemble())
}

// Add adds the next event, or returns a [*GrammarError] where it has no place here.
func (f *Fold) Add(event *llmgatewayv1.GenerationEvent) error {
	if event.GetEvent() == nil {
		return nil
	}
	if f.whole != nil {
		return grammarErrorf("%s follows finished, which is the last event", kindOfEvent(event))
	}
	switch event.GetEvent().(type) {
	case *llmgatewayv1.GenerationEvent_Heartbeat, *llmgatewayv1.GenerationEvent_ProviderEvent:
		return nil
	case *llmgatewayv1.GenerationEvent_Started:
		return f.start(event.GetStarted())
	}
	if !f.started {
		return grammarErrorf("%s precedes started, which is the first event", kindOfEvent(event))
	}
	if finished, ok := event.GetEvent().(*llmgatewayv1.GenerationEvent_Finished); ok {
		return f.finish(finished.Finished)
	}
	candidate, err := f.candidate(event.GetCandidateIndex())
	if err != nil {
		return err
	}
	return candidate.add(event)
}

func (f *Fold) start(started *llmgatewayv1.GenerationStarted) error {
	if f.started {
		return grammarErrorf("started comes twice")
	}
	f.started = true
	f.learn(started)
	return nil
}

func (f *Fold) finish(finished *llmgatewayv1.GenerationFinished) error {
	var open []int32
	for index, candidate := range f.candidates {
		if !candidate.finished {
			open = append(open, index)
		}
	}
	if len(open) > 0 {
		slices.Sort(open)
		return grammarErrorf("finished comes while candidates are open: %d", open)
	}
	f.learn(finished)
	f.whole = f.assemble()
	f.candidates = nil
	return nil
}

// learn takes what an event says of the call; what it leaves out stands as it was said before.
func (f *Fold) learn(event interface {
	GetCall() *llmgatewayv1.CallInfo
	GetUsage() *llmgatewayv1.Usage
}) {
	if call := event.GetCall(); call != nil {
		f.call = proto.CloneOf(call)
	}
	if usage := event.GetUsage(); usage != nil {
		f.usage = proto.CloneOf(usage)
	}
}

// candidate returns a candidate, which its first event opens.
func (f *Fold) candidate(index int32) (*openCandidate, error) {
	if candidate, ok := f.candidates[index]; ok {
		return candidate, nil
	}
	if index < 0 {
		return nil, grammarErrorf("candidate %d: indexes start at 0", index)
	}
	candidate := newOpenCandidate(index)
	if f.candidates == nil {
		f.candidates = map[int32]*openCandidate{}
	}
	f.candidates[index] = candidate
	return candidate, nil
}

// assemble returns a response that shares its candidates with the fold.
func (f *Fold) assemble() *llmgatewayv1.GenerateResponse {
	response := &llmgatewayv1.GenerateResponse{Call: f.call, Usage: f.usage}
	for _, index := range slices.Sorted(maps.Keys(f.candidates)) {
		candidate := f.candidates[index]
		candidate.join()
		response.Candidates = append(response.Candidates, candidate.candidate)
	}
	return response
}

// openCandidate is one candidate on its way.
type openCandidate struct {
	candidate *llmgatewayv1.Candidate
	openParts map[int32]*openPart
	finished  bool
}

func newOpenCandidate(index int32) *openCandidate {
	return &openCandidate{
		candidate: &llmgatewayv1.Candidate{
			Index:   index,
			Message: &llmgatewayv1.ChatMessage{Role: llmgatewayv1.Role_ROLE_ASSISTANT},
		},
		openParts: map[int32]*openPart{},
	}
}

func (c *openCandidate) add(event *llmgatewayv1.GenerationEvent) error {
	switch event := event.GetEvent().(type) {
	case *llmgatewayv1.GenerationEvent_PartDelta:
		return c.appendTo(event.PartDelta)
	case *llmgatewayv1.GenerationEvent_PartStarted:
		return c.openPart(event.PartStarted)
	case *llmgatewayv1.GenerationEvent_PartFinished:
		return c.closePart(event.PartFinished)
	case *llmgatewayv1.GenerationEvent_CandidateFinished:
		return c.finish(event.CandidateFinished)
	default:
		return nil
	}
}

func (c *openCandidate) openPart(started *llmgatewayv1.PartStarted) error {
	index, message := started.GetIndex(), c.candidate.GetMessage()
	if c.finished {
		return c.errorf(index, "part_started follows candidate_finished")
	}
	if next := len(message.GetParts()); int(index) != next {
		return c.errorf(index, "part_started comes where part %d is the next", next)
	}
	part := &llmgatewayv1.Part{}
	proto.Merge(part, started.GetPart())
	message.Parts = append(message.Parts, part)
	c.openParts[index] = newOpenPart(part)
	return nil
}

func (c *openCandidate) appendTo(delta *llmgatewayv1.PartDelta) error {
	index := delta.GetIndex()
	part, ok := c.openParts[index]
	if !ok {
		return c.errorf(index, "part_delta comes while the part is not open")
	}
	if misfit := part.append(delta); misfit != "" {
		return c.errorf(index, "%s", misfit)
	}
	return nil
}

func (c *openCandidate) closePart(finished *llmgatewayv1.PartFinished) error {
	index := finished.GetIndex()
	part, ok := c.openParts[index]
	if !ok {
		return c.errorf(index, "part_finished comes while the part is not open")
	}
	delete(c.openParts, index)
	part.close(finished)
	return nil
}

func (c *openCandidate) finish(finished *llmgatewayv1.CandidateFinished) error {
	candidate := c.candidate
	if c.finished {
		return grammarErrorf("candidate %d: candidate_finished comes twice", candidate.GetIndex())
	}
	if len(c.openParts) > 0 {
		open := slices.Sorted(maps.Keys(c.openParts))
		return grammarErrorf("candidate %d: candidate_finished comes while parts are open: %d", candidate.GetIndex(), open)
	}
	c.finished = true
	candidate.FinishReason = finished.GetFinishReason()
	candidate.ProviderFinishReason = finished.GetProviderFinishReason()
	candidate.StopSequence = finished.GetStopSequence()
	candidate.ProviderJson = finished.GetProviderJson()
	return nil
}

func (c *openCandidate) join() {
	for _, part := range c.openParts {
		part.join()
	}
}

func (c *openCandidate) errorf(part int32, format string, arguments ...any) error {
	what := fmt.Sprintf(format, arguments...)
	return grammarErrorf("candidate %d, part %d: %s", c.candidate.GetIndex(), part, what)
}

// openPart is one part on its way. Pieces of text are collected, because each concatenation of strings copies both.
type openPart struct {
	part *llmgatewayv1.Part
	// The field that text is appended to; nil where the part has none, or where it is open which one.
	field *string
	text  strings.Builder
}

func newOpenPart(part *llmgatewayv1.Part) *openPart {
	opened := &openPart{part: part}
	opened.collect(textField(part))
	return opened
}

// collect begins to collect the text of a field behind what it already holds.
func (p *openPart) collect(field *string) {
	if field != nil {
		p.field = field
		p.text.WriteString(*field)
	}
}

// append adds what one delta holds, and says what about it does not fit the part. What appends to a part of an unknown
// kind is skipped.
func (p *openPart) append(delta *llmgatewayv1.PartDelta) string {
	if p.part.GetContent() != nil && delta.GetDelta() != nil {
		if misfit := p.appendContent(delta); misfit != "" {
			return misfit
		}
	}
	for _, annotation := range delta.GetAnnotations() {
		p.part.Annotations = append(p.part.Annotations, proto.CloneOf(annotation))
	}
	for _, logprob := range delta.GetLogprobs() {
		p.part.Logprobs = append(p.part.Logprobs, proto.CloneOf(logprob))
	}
	return ""
}

func (p *openPart) appendContent(delta *llmgatewayv1.PartDelta) string {
	switch content := p.part.GetContent().(type) {
	case *llmgatewayv1.Part_Text, *llmgatewayv1.Part_Reasoning, *llmgatewayv1.Part_Refusal:
		if piece, ok := delta.GetDelta().(*llmgatewayv1.PartDelta_Text); ok {
			p.text.WriteString(piece.Text)
			return ""
		}
	case *llmgatewayv1.Part_ToolCall:
		return p.appendToolCall(content.ToolCall, delta)
	case *llmgatewayv1.Part_Media:
		return p.appendMedia(content.Media, delta)
	}
	return p.misfit(delta)
}

func (p *openPart) appendToolCall(call *llmgatewayv1.ToolCall, delta *llmgatewayv1.PartDelta) string {
	switch piece := delta.GetDelta().(type) {
	case *llmgatewayv1.PartDelta_Text:
		if call.Input == nil {
			call.Input = &llmgatewayv1.ToolCall_Text{}
			p.collect(textField(p.part))
		}
		if _, ok := call.GetInput().(*llmgatewayv1.ToolCall_Text); !ok {
			return "a delta of text does not fit a tool_call that holds arguments_json"
		}
		p.text.WriteString(piece.Text)
	case *llmgatewayv1.PartDelta_ArgumentsJson:
		if call.Input == nil {
			call.Input = &llmgatewayv1.ToolCall_ArgumentsJson{}
			p.collect(textField(p.part))
		}
		if _, ok := call.GetInput().(*llmgatewayv1.ToolCall_ArgumentsJson); !ok {
			return "a delta of arguments_json does not fit a tool_call that holds text"
		}
		p.text.WriteString(piece.ArgumentsJson)
	default:
		return p.misfit(delta)
	}
	return ""
}

func (p *openPart) appendMedia(media *llmgatewayv1.Media, delta *llmgatewayv1.PartDelta) string {
	switch piece := delta.GetDelta().(type) {
	case *llmgatewayv1.PartDelta_Transcript:
		p.text.WriteString(piece.Transcript)
	case *llmgatewayv1.PartDelta_Data:
		if media.Source == nil {
			media.Source = &llmgatewayv1.Media_Data{}
		}
		source, ok := media.GetSource().(*llmgatewayv1.Media_Data)
		if !ok {
			return "a delta of data does not fit a media that holds " + memberName(media, "source")
		}
		source.Data = append(source.Data, piece.Data...)
	default:
		return p.misfit(delta)
	}
	return ""
}

func (p *openPart) misfit(delta *llmgatewayv1.PartDelta) string {
	member, kind := memberName(delta, "delta"), memberName(p.part, "content")
	return fmt.Sprintf("a delta of %s does not fit a part of the kind %s", member, kind)
}

// close adds what is known only at the end.
func (p *openPart) close(finished *llmgatewayv1.PartFinished) {
	p.join()
	if signature := finished.GetSignature(); signature != nil {
		p.part.Signature = proto.CloneOf(signature)
	}
	if p.part.ProviderJson == nil && len(finished.GetProviderJson()) > 0 {
		p.part.ProviderJson = map[string]string{}
	}
	maps.Copy(p.part.ProviderJson, finished.GetProviderJson())
}

// join puts the text collected so far into its field.
func (p *openPart) join() {
	if p.field != nil {
		*p.field = p.text.String()
	}
}

// textField returns the field of a part that text is appended to; nil where it has none, or where it is open which one.
func textField(part *llmgatewayv1.Part) *string {
	switch content := part.GetContent().(type) {
	case *llmgatewayv1.Part_Text:
		return &content.Text
	case *llmgatewayv1.Part_Reasoning:
		return &content.Reasoning.Text
	case *llmgatewayv1.Part_Refusal:
		return &content.Refusal
	case *llmgatewayv1.Part_Media:
		return &content.Media.Transcript
	case *llmgatewayv1.Part_ToolCall:
		switch input := content.ToolCall.GetInput().(type) {
		case *llmgatewayv1.ToolCall_Text:
			return &input.Text
		case *llmgatewayv1.ToolCall_ArgumentsJson:
			return &input.ArgumentsJson
		}
	}
	return nil
}

func kindOfEvent(event *llmgatewayv1.GenerationEvent) string { return memberName(event, "event") }

// memberName returns the name, in the contract, of the member that a oneof holds.
func memberName(message proto.Message, oneof protoreflect.Name) string {
	reflected := message.ProtoReflect()
	return string(reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName(oneof)).Name())
}
