package llmgateway_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	llmgateway "github.com/llmgateway/llmgateway/clients/go"
	llmgatewayv1 "github.com/llmgateway/llmgateway/clients/go/gen/llmgateway/v1"
)

// wholeOf puts what one candidate's parts say into a whole stream.
func wholeOf(parts ...string) []string {
	return slices.Concat([]string{`started {}`}, parts, []string{`candidate_finished {}`, `finished {}`})
}

func TestFoldJoinsEveryKindOfPart(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		part   string
	}{
		"text": {
			[]string{`part_started { part { text: "a" } }`, `part_delta { text: "b" }`, `part_delta { text: "ü" }`, `part_finished {}`},
			`text: "abü"`,
		},
		"a whole part": {
			[]string{`part_started { part { text: "all" item_id: "i" } }`, `part_finished {}`},
			`text: "all" item_id: "i"`,
		},
		"a part without a word": {
			[]string{`part_started { part { text: "" } }`, `part_finished {}`},
			`text: ""`,
		},
		"reasoning": {
			[]string{`part_started { part { reasoning { kind: KIND_SUMMARY } } }`, `part_delta { text: "hm" }`, `part_delta { text: "." }`, `part_finished {}`},
			`reasoning { kind: KIND_SUMMARY text: "hm." }`,
		},
		"refusal": {
			[]string{`part_started { part { refusal: "I" } }`, `part_delta { text: " can't" }`, `part_finished {}`},
			`refusal: "I can't"`,
		},
		"arguments of a tool call": {
			[]string{
				`part_started { part { tool_call { id: "1" name: "f" arguments_json: "{" } } }`,
				`part_delta { arguments_json: "\"a\":" }`, `part_delta { arguments_json: "1}" }`, `part_finished {}`,
			},
			`tool_call { id: "1" name: "f" arguments_json: "{\"a\":1}" }`,
		},
		"a tool call whose start leaves its input open": {
			[]string{`part_started { part { tool_call { name: "f" } } }`, `part_delta { arguments_json: "{" }`, `part_delta { arguments_json: "}" }`, `part_finished {}`},
			`tool_call { name: "f" arguments_json: "{}" }`,
		},
		"a tool call without input": {
			[]string{`part_started { part { tool_call { name: "f" } } }`, `part_finished {}`},
			`tool_call { name: "f" }`,
		},
		"an empty delta, which settles a tool call's input": {
			[]string{`part_started { part { tool_call { name: "f" } } }`, `part_delta { text: "" }`, `part_finished {}`},
			`tool_call { name: "f" text: "" }`,
		},
		"text of a custom tool call": {
			[]string{`part_started { part { tool_call { name: "f" text: "x" } } }`, `part_delta { text: "y" }`, `part_finished {}`},
			`tool_call { name: "f" text: "xy" }`,
		},
		"a tool result": {
			[]string{`part_started { part { tool_result { tool_call_id: "1" parts { text: "r" } } } }`, `part_finished {}`},
			`tool_result { tool_call_id: "1" parts { text: "r" } }`,
		},
		"media": {
			[]string{
				`part_started { part { media { mime_type: "audio/wav" data: "\x00\x01" transcript: "o" } } }`,
				`part_delta { data: "\xff" }`, `part_delta { transcript: "h" }`, `part_delta { data: "\x02" }`, `part_finished {}`,
			},
			`media { mime_type: "audio/wav" data: "\x00\x01\xff\x02" transcript: "oh" }`,
		},
		"media whose start leaves its source open": {
			[]string{`part_started { part { media { mime_type: "image/png" } } }`, `part_delta { data: "" }`, `part_finished {}`},
			`media { mime_type: "image/png" data: "" }`,
		},
		"the transcript of a file": {
			[]string{`part_started { part { media { file_id: "f" } } }`, `part_delta { transcript: "t" }`, `part_finished {}`},
			`media { file_id: "f" transcript: "t" }`,
		},
		"a provider's part": {
			[]string{`part_started { part { provider_part { dialect: "d" type: "t" json: "{}" } } }`, `part_finished {}`},
			`provider_part { dialect: "d" type: "t" json: "{}" }`,
		},
		"a part of an unknown kind, whose deltas are skipped": {
			[]string{`part_started { part { item_id: "new" } }`, `part_delta { text: "x" annotations { uri: "u" } }`, `part_finished {}`},
			`item_id: "new" annotations { uri: "u" }`,
		},
		"log probabilities without text": {
			[]string{`part_started { part { text: "a" } }`, `part_delta { logprobs { token: "a" } }`, `part_finished {}`},
			`text: "a" logprobs { token: "a" }`,
		},
		"annotations and log probabilities": {
			[]string{
				`part_started { part { text: "a" annotations { uri: "1" } logprobs { token: "a" } } }`,
				`part_delta { text: "b" annotations { uri: "2" start_index: 0 } logprobs { token: "b" logprob: -1 top_logprobs { token: "c" } } }`,
				`part_finished {}`,
			},
			`text: "ab" annotations { uri: "1" } annotations { uri: "2" start_index: 0 }
			logprobs { token: "a" } logprobs { token: "b" logprob: -1 top_logprobs { token: "c" } }`,
		},
		"a signature that comes at the end": {
			[]string{`part_started { part { reasoning {} signature { value: "old" } } }`, `part_finished { signature { provider: "p" value: "new" } }`},
			`reasoning {} signature { provider: "p" value: "new" }`,
		},
		"a signature that stays": {
			[]string{`part_started { part { reasoning {} signature { value: "old" } } }`, `part_finished {}`},
			`reasoning {} signature { value: "old" }`,
		},
		"members without a field": {
			[]string{
				`part_started { part { text: "" provider_json { key: "a" value: "1" } provider_json { key: "b" value: "2" } } }`,
				`part_finished { provider_json { key: "b" value: "3" } provider_json { key: "c" value: "4" } }`,
			},
			`text: "" provider_json { key: "a" value: "1" } provider_json { key: "b" value: "3" } provider_json { key: "c" value: "4" }`,
		},
		"members without a field that come only at the end": {
			[]string{`part_started { part { text: "" } }`, `part_finished { provider_json { key: "c" value: "4" } }`},
			`text: "" provider_json { key: "c" value: "4" }`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			folded, err := llmgateway.FoldEvents(parseEvents(t, wholeOf(c.events...)...))
			if err != nil {
				t.Fatal(err)
			}
			checkMessage(t, folded, parseResponse(t, `candidates { message { role: ROLE_ASSISTANT parts {`+c.part+`} } }`))
		})
	}
}

func TestFoldAddsAWholeUp(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		whole  string
	}{
		"parts that interleave": {
			wholeOf(
				`part_started { index: 0 part { text: "" } }`, `part_started { index: 1 part { text: "" } }`,
				`part_delta { index: 1 text: "c" }`, `part_delta { index: 0 text: "a" }`, `part_delta { index: 1 text: "d" }`,
				`part_finished { index: 1 }`, `part_delta { index: 0 text: "b" }`, `part_finished { index: 0 }`,
			),
			`candidates { message { role: ROLE_ASSISTANT parts { text: "ab" } parts { text: "cd" } } }`,
		},
		"candidates that interleave, ordered by index": {
			[]string{
				`started {}`,
				`candidate_index: 1 part_started { part { text: "b" } }`, `part_started { part { text: "a" } }`,
				`candidate_index: 1 part_delta { text: "2" }`, `part_delta { text: "1" }`,
				`candidate_index: 1 part_finished {}`, `candidate_index: 1 candidate_finished { finish_reason: FINISH_REASON_LENGTH }`,
				`part_finished {}`,
				`candidate_finished { finish_reason: FINISH_REASON_STOP provider_finish_reason: "end" stop_sequence: "." provider_json: "{}" }`,
				`finished {}`,
			},
			`candidates {
				message { role: ROLE_ASSISTANT parts { text: "a1" } }
				finish_reason: FINISH_REASON_STOP provider_finish_reason: "end" stop_sequence: "." provider_json: "{}"
			}
			candidates { index: 1 message { role: ROLE_ASSISTANT parts { text: "b2" } } finish_reason: FINISH_REASON_LENGTH }`,
		},
		"a candidate without parts": {
			wholeOf(),
			`candidates { message { role: ROLE_ASSISTANT } }`,
		},
		"no candidate": {
			[]string{`started {}`, `finished {}`},
			``,
		},
		"what finished says in place of started": {
			[]string{
				`started { call { call_id: "1" provider: "p" } usage { input_token_count: 1 } }`,
				`finished { call { call_id: "1" model: "m" } usage { output_token_count: 2 } }`,
			},
			`call { call_id: "1" model: "m" } usage { output_token_count: 2 }`,
		},
		"what started says where finished leaves it out": {
			[]string{`started { call { call_id: "1" } usage { input_token_count: 1 } }`, `finished {}`},
			`call { call_id: "1" } usage { input_token_count: 1 }`,
		},
		"heartbeats, progress and newer events, which change nothing": {
			[]string{`heartbeat {}`, ``, `started {}`, `provider_event { type: "t" }`, `heartbeat {}`, `sequence_number: 2`, `finished {}`, ``},
			``,
		},
	} {
		t.Run(name, func(t *testing.T) {
			folded, err := llmgateway.FoldEvents(parseEvents(t, c.events...))
			if err != nil {
				t.Fatal(err)
			}
			checkMessage(t, folded, parseResponse(t, c.whole))
		})
	}
}

func TestFoldRefusesWhatTheGrammarForbids(t *testing.T) {
	started, text := `started {}`, `part_started { part { text: "" } }`
	open := func(part string) []string { return []string{started, `part_started { part {` + part + `} }`} }
	for message, events := range map[string][]string{
		"part_started precedes started, which is the first event": {text},
		"finished precedes started, which is the first event":     {`finished {}`},
		"started comes twice":                                                                      {started, started},
		"started follows finished, which is the last event":                                        {started, `finished {}`, started},
		"heartbeat follows finished, which is the last event":                                      {started, `finished {}`, `heartbeat {}`},
		"the events end without finished, which is the last event":                                 {started},
		"finished comes while candidates are open: [0 2]":                                          {started, text, `candidate_index: 2 part_started { part { text: "" } }`, `finished {}`},
		"candidate -1: indexes start at 0":                                                         {started, `candidate_index: -1 candidate_finished {}`},
		"candidate 0: candidate_finished comes twice":                                              {started, `candidate_finished {}`, `candidate_finished {}`},
		"candidate 0: candidate_finished comes while parts are open: [0]":                          {started, text, `candidate_finished {}`},
		"candidate 0, part 0: part_started follows candidate_finished":                             {started, `candidate_finished {}`, text},
		"candidate 0, part 1: part_started comes where part 0 is the next":                         {started, `part_started { index: 1 part { text: "" } }`},
		"candidate 0, part 0: part_started comes where part 1 is the next":                         {started, text, text},
		"candidate 0, part -1: part_started comes where part 0 is the next":                        {started, `part_started { index: -1 part { text: "" } }`},
		"candidate 0, part 0: part_delta comes while the part is not open":                         {started, `part_delta { text: "" }`},
		"candidate 0, part 0: part_finished comes while the part is not open":                      {started, text, `part_finished {}`, `part_finished {}`},
		"candidate 3, part 7: part_finished comes while the part is not open":                      {started, `candidate_index: 3 part_finished { index: 7 }`},
		"candidate 0, part 0: a delta of data does not fit a part of the kind text":                append(open(`text: ""`), `part_delta { data: "" }`),
		"candidate 0, part 0: a delta of arguments_json does not fit a part of the kind reasoning": append(open(`reasoning {}`), `part_delta { arguments_json: "" }`),
		"candidate 0, part 0: a delta of transcript does not fit a part of the kind refusal":       append(open(`refusal: ""`), `part_delta { transcript: "" }`),
		"candidate 0, part 0: a delta of text does not fit a part of the kind media":               append(open(`media {}`), `part_delta { text: "" }`),
		"candidate 0, part 0: a delta of data does not fit a part of the kind tool_call":           append(open(`tool_call {}`), `part_delta { data: "" }`),
		"candidate 0, part 0: a delta of text does not fit a part of the kind tool_result":         append(open(`tool_result {}`), `part_delta { text: "" }`),
		"candidate 0, part 0: a delta of text does not fit a part of the kind provider_part":       append(open(`provider_part {}`), `part_delta { text: "" }`),
		"candidate 0, part 0: a delta of data does not fit a media that holds uri":                 append(open(`media { uri: "u" }`), `part_delta { data: "" }`),
		"candidate 0, part 0: a delta of data does not fit a media that holds file_id":             append(open(`media { file_id: "f" }`), `part_delta { data: "" }`),
		"candidate 0, part 0: a delta of text does not fit a tool_call that holds arguments_json":  append(open(`tool_call { arguments_json: "" }`), `part_delta { text: "" }`),
		"candidate 0, part 0: a delta of arguments_json does not fit a tool_call that holds text":  append(open(`tool_call {}`), `part_delta { text: "" }`, `part_delta { arguments_json: "" }`),
	} {
		t.Run(message, func(t *testing.T) {
			_, err := llmgateway.FoldEvents(parseEvents(t, events...))
			refused, ok := errors.AsType[*llmgateway.GrammarError](err)
			if !ok || refused.Message != message {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFoldShowsWhatCameSoFar(t *testing.T) {
	var fold llmgateway.Fold
	checkMessage(t, fold.Response(), parseResponse(t, ``))
	events := parseEvents(t,
		`started { call { call_id: "1" } }`, `part_started { part { text: "a" } }`, `part_delta { text: "b" }`,
		`part_delta { text: "c" }`, `part_finished {}`, `candidate_finished {}`, `finished {}`,
	)
	for _, event := range events[:3] {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	early := fold.Response()
	want := parseResponse(t, `call { call_id: "1" } candidates { message { role: ROLE_ASSISTANT parts { text: "ab" } } }`)
	checkMessage(t, early, want)
	if fold.Finished() {
		t.Error("finished before its last event")
	}
	for _, event := range events[3:] {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	checkMessage(t, early, want)
	if text := llmgateway.Text(fold.Response()); text != "abc" || !fold.Finished() {
		t.Errorf("got %q, finished: %t", text, fold.Finished())
	}
}

func TestFoldNeitherKeepsNorChangesEvents(t *testing.T) {
	texts := wholeOf(
		`part_started { part { text: "a" signature { value: "s" } provider_json { key: "k" value: "1" } } }`,
		`part_delta { text: "b" annotations { uri: "u" } logprobs { token: "t" } }`,
		`part_finished { signature { value: "s2" } provider_json { key: "k" value: "2" } }`,
	)
	texts[0] = `started { call { call_id: "1" } usage { input_token_count: 1 } }`
	events := parseEvents(t, texts...)
	folded, err := llmgateway.FoldEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	for index, text := range texts {
		checkMessage(t, events[index], parse(t, &llmgatewayv1.GenerationEvent{}, text))
	}
	want := proto.Clone(folded)
	events[0].GetStarted().GetCall().CallId = "2"
	events[0].GetStarted().GetUsage().InputTokenCount = 2
	events[2].GetPartDelta().GetAnnotations()[0].Uri = "other"
	events[2].GetPartDelta().GetLogprobs()[0].Token = "other"
	events[3].GetPartFinished().GetSignature().Value = "other"
	checkMessage(t, folded, want)
}

func TestFoldKeepsFieldsThatAreNewerThanItself(t *testing.T) {
	newer := []byte("\x92\x03\x03new") // Field 50, as a string.
	events := parseEvents(t, wholeOf(`part_started { part {} }`, `part_finished {}`)...)
	events[1].GetPartStarted().GetPart().ProtoReflect().SetUnknown(protoreflect.RawFields(newer))
	folded, err := llmgateway.FoldEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	part := folded.GetCandidates()[0].GetMessage().GetParts()[0]
	if got := part.ProtoReflect().GetUnknown(); string(got) != string(newer) {
		t.Errorf("got %q", got)
	}
}

// Quadratic, a text of 2,000,000 pieces would copy two terabytes.
func TestFoldTakesLinearTime(t *testing.T) {
	var fold llmgateway.Fold
	for _, event := range parseEvents(t, `started {}`, `part_started { part { text: "" } }`) {
		if err := fold.Add(event); err != nil {
			t.Fatal(err)
		}
	}
	const pieces = 2_000_000
	delta := parseEvents(t, `part_delta { text: "x" }`)[0]
	for range pieces {
		if err := fold.Add(delta); err != nil {
			t.Fatal(err)
		}
	}
	if got := llmgateway.Text(fold.Response()); got != strings.Repeat("x", pieces) {
		t.Errorf("got %d bytes", len(got))
	}
}
