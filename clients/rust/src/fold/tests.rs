use super::*;
use crate::v1::generation_event::Event;
use crate::v1::{
    Annotation, FinishReason, GenerationFinished, GenerationStarted, Heartbeat, ProviderEvent, ProviderPart, Reasoning,
    Signature, TokenLogprob, ToolResult,
};

fn event(event: Event) -> GenerationEvent {
    GenerationEvent { event: Some(event), ..GenerationEvent::default() }
}

fn of(candidate_index: i32, event: GenerationEvent) -> GenerationEvent {
    GenerationEvent { candidate_index, ..event }
}

fn started() -> GenerationEvent {
    event(Event::Started(GenerationStarted::default()))
}

fn finished() -> GenerationEvent {
    event(Event::Finished(GenerationFinished::default()))
}

fn opened(index: i32, part: impl Into<Part>) -> GenerationEvent {
    event(Event::PartStarted(PartStarted { index, part: Some(part.into()), ..PartStarted::default() }))
}

fn delta(index: i32, delta: Delta) -> GenerationEvent {
    event(Event::PartDelta(PartDelta { index, delta: Some(delta), ..PartDelta::default() }))
}

fn text(index: i32, piece: &str) -> GenerationEvent {
    delta(index, Delta::Text(piece.to_owned()))
}

fn closed(index: i32) -> GenerationEvent {
    event(Event::PartFinished(PartFinished { index, ..PartFinished::default() }))
}

fn ended() -> GenerationEvent {
    event(Event::CandidateFinished(CandidateFinished::default()))
}

fn text_part(text: &str) -> Part {
    Content::Text(text.to_owned()).into()
}

fn tool_call(input: Option<tool_call::Input>) -> Content {
    Content::ToolCall(ToolCall { id: "call_1".to_owned(), name: "run".to_owned(), input, ..ToolCall::default() })
}

fn arguments(text: &str) -> Option<tool_call::Input> {
    Some(tool_call::Input::ArgumentsJson(text.to_owned()))
}

fn media(source: Option<media::Source>, transcript: &str) -> Content {
    Content::Media(Media { source, transcript: transcript.to_owned(), ..Media::default() })
}

/// The parts of the first candidate, whose events stand between the first and the last ones.
fn parts(events: &[GenerationEvent]) -> Vec<Part> {
    let all: Vec<_> = [started()].into_iter().chain(events.iter().cloned()).chain([ended(), finished()]).collect();
    fold(&all).unwrap().candidates.remove(0).message.unwrap().parts
}

#[test]
fn deltas_of_every_kind_of_part_are_joined() {
    let reasoning = |text: &str| Content::Reasoning(Reasoning { text: text.to_owned(), ..Reasoning::default() });
    let custom = |text: &str| tool_call(Some(tool_call::Input::Text(text.to_owned())));
    let data = |data: &[u8]| media(Some(media::Source::Data(data.to_vec())), "");
    let uri = |transcript: &str| media(Some(media::Source::Uri("gs://a".to_owned())), transcript);
    let to_text = |piece: &str| Delta::Text(piece.to_owned());
    let to_arguments = |piece: &str| Delta::ArgumentsJson(piece.to_owned());
    let to_transcript = |piece: &str| Delta::Transcript(piece.to_owned());
    let table: Vec<(Content, Vec<Delta>, Content)> = vec![
        (Content::Text("a".into()), vec![to_text("b"), to_text(""), to_text("ç")], Content::Text("abç".into())),
        (Content::Refusal("".into()), vec![to_text("No"), to_text(".")], Content::Refusal("No.".into())),
        (reasoning("I "), vec![to_text("think")], reasoning("I think")),
        (tool_call(arguments("")), vec![to_arguments("{"), to_arguments("}")], tool_call(arguments("{}"))),
        (tool_call(None), vec![to_arguments("{"), to_arguments("}")], tool_call(arguments("{}"))),
        (tool_call(None), vec![to_arguments("")], tool_call(arguments(""))),
        (tool_call(None), vec![to_text("l"), to_text("s")], custom("ls")),
        (custom("l"), vec![to_text("s")], custom("ls")),
        (data(b"\x01"), vec![Delta::Data(vec![2]), Delta::Data(vec![])], data(b"\x01\x02")),
        (media(None, ""), vec![Delta::Data(vec![1])], data(b"\x01")),
        (uri("He"), vec![to_transcript("llo")], uri("Hello")),
    ];
    for (start, deltas, whole) in table {
        let mut events = vec![opened(0, start.clone())];
        events.extend(deltas.into_iter().map(|piece| delta(0, piece)));
        events.push(closed(0));
        assert_eq!(parts(&events), [whole.into()], "{start:?}");
    }
}

#[test]
fn a_part_that_comes_whole_stays_as_it_is() {
    for content in [
        Content::ToolResult(ToolResult { tool_call_id: "call_1".into(), ..ToolResult::default() }),
        Content::ProviderPart(ProviderPart { json: "{}".into(), ..ProviderPart::default() }),
        Content::Text("whole".into()),
        tool_call(arguments("{}")),
    ] {
        assert_eq!(parts(&[opened(0, content.clone()), closed(0)]), [content.into()]);
    }
}

#[test]
fn parts_may_interleave() {
    let events = [
        opened(0, text_part("a")),
        opened(1, tool_call(None)),
        delta(1, Delta::ArgumentsJson("{".into())),
        text(0, "b"),
        closed(0),
        delta(1, Delta::ArgumentsJson("}".into())),
        closed(1),
    ];
    assert_eq!(parts(&events), [text_part("ab"), tool_call(arguments("{}")).into()]);
}

#[test]
fn candidates_may_interleave_and_are_ordered_by_index() {
    let events = [
        started(),
        of(2, opened(0, text_part("c"))),
        of(0, opened(0, text_part("a"))),
        of(1, ended()),
        of(2, closed(0)),
        of(0, text(0, "!")),
        of(2, ended()),
        of(0, closed(0)),
        of(0, ended()),
        finished(),
    ];
    let response = fold(&events).unwrap();
    let indexes: Vec<_> = response.candidates.iter().map(|candidate| candidate.index).collect();
    assert_eq!(indexes, [0, 1, 2]);
    assert_eq!([response.text_of(0), response.text_of(1), response.text_of(2)], ["a!", "", "c"]);
    let messages = response.candidates.iter().map(|candidate| candidate.message.as_ref().unwrap());
    assert!(messages.into_iter().all(|message| message.role() == Role::Assistant));
}

#[test]
fn annotations_and_log_probabilities_are_appended_with_or_without_a_delta() {
    let annotation = |title: &str| Annotation { title: title.to_owned(), ..Annotation::default() };
    let logprob = |token: &str| TokenLogprob { token: token.to_owned(), logprob: -0.5, ..TokenLogprob::default() };
    let start = Part { annotations: vec![annotation("a")], ..text_part("x") };
    let with_text = PartDelta {
        delta: Some(Delta::Text("y".into())),
        logprobs: vec![logprob("y")],
        annotations: vec![annotation("b")],
        ..PartDelta::default()
    };
    let alone = PartDelta { annotations: vec![annotation("c")], ..PartDelta::default() };
    let events = [opened(0, start), event(Event::PartDelta(with_text)), event(Event::PartDelta(alone)), closed(0)];
    let whole = Part {
        annotations: vec![annotation("a"), annotation("b"), annotation("c")],
        logprobs: vec![logprob("y")],
        ..text_part("xy")
    };
    assert_eq!(parts(&events), [whole]);
}

#[test]
fn the_end_of_a_part_replaces_its_signature_and_sets_entries() {
    let signature = |value: &str| Some(Signature { value: value.to_owned(), ..Signature::default() });
    let json = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, text)| ((*key).into(), (*text).into())).collect();
    let start = Part { signature: signature("old"), provider_json: json(&[("a", "1"), ("b", "1")]), ..text_part("") };
    let end = |signature, provider_json| {
        event(Event::PartFinished(PartFinished { signature, provider_json, ..PartFinished::default() }))
    };
    let replaced = end(signature("new"), json(&[("b", "2"), ("c", "2")]));
    let expected = Part {
        signature: signature("new"),
        provider_json: json(&[("a", "1"), ("b", "2"), ("c", "2")]),
        ..text_part("")
    };
    assert_eq!(parts(&[opened(0, start.clone()), replaced]), [expected]);
    assert_eq!(parts(&[opened(0, start.clone()), end(None, json(&[]))]), [start]);
}

#[test]
fn the_end_of_a_candidate_says_why() {
    let end = CandidateFinished {
        finish_reason: FinishReason::Stop.into(),
        provider_finish_reason: "end_turn".into(),
        stop_sequence: "###".into(),
        provider_json: "{}".into(),
        ..CandidateFinished::default()
    };
    let response = fold(&[started(), event(Event::CandidateFinished(end)), finished()]).unwrap();
    let candidate = &response.candidates[0];
    assert_eq!(candidate.finish_reason(), FinishReason::Stop);
    let told = [&candidate.provider_finish_reason, &candidate.stop_sequence, &candidate.provider_json];
    assert_eq!(told, ["end_turn", "###", "{}"]);
}

#[test]
fn what_the_end_leaves_out_stands_as_the_start_said_it() {
    let call = |id: &str| Some(CallInfo { call_id: id.to_owned(), ..CallInfo::default() });
    let usage = |count| Some(Usage { input_token_count: count, ..Usage::default() });
    for (at_start, at_end, expected) in [
        ((call("a"), usage(1)), (None, None), (call("a"), usage(1))),
        ((call("a"), usage(1)), (call("b"), None), (call("b"), usage(1))),
        ((call("a"), None), (None, usage(2)), (call("a"), usage(2))),
        ((None, None), (None, None), (None, None)),
    ] {
        let start = GenerationStarted { call: at_start.0, usage: at_start.1, ..GenerationStarted::default() };
        let end = GenerationFinished { call: at_end.0, usage: at_end.1, ..GenerationFinished::default() };
        let response = fold(&[event(Event::Started(start)), ended(), event(Event::Finished(end))]).unwrap();
        assert_eq!((response.call, response.usage), expected);
    }
}

#[test]
fn what_is_no_content_changes_nothing_wherever_it_stands() {
    let nothing = [
        event(Event::Heartbeat(Heartbeat::default())),
        event(Event::ProviderEvent(ProviderEvent::default())),
        GenerationEvent::default(),
    ];
    let content = [started(), opened(0, text_part("a")), text(0, "b"), closed(0), ended(), finished()];
    for extra in nothing {
        for place in 0..content.len() {
            let mut events = content.to_vec();
            events.insert(place, extra.clone());
            assert_eq!(fold(&events), fold(&content), "{extra:?} at {place}");
        }
    }
    let mut whole = Fold::new();
    content.iter().for_each(|event| whole.add(event).unwrap());
    assert_eq!(whole.add(&GenerationEvent::default()), Ok(()), "an event of tomorrow may come last");
}

#[test]
fn deltas_of_a_part_of_tomorrow_are_skipped_but_for_what_every_part_has() {
    let annotations = vec![Annotation::default()];
    let piece = PartDelta { delta: Some(Delta::Text("x".into())), annotations, ..PartDelta::default() };
    let whole = Part { annotations: vec![Annotation::default()], ..Part::default() };
    assert_eq!(parts(&[opened(0, Part::default()), event(Event::PartDelta(piece)), closed(0)]), [whole]);
}

#[test]
fn what_the_grammar_forbids_is_refused() {
    let open_text = || opened(0, text_part(""));
    let uri = || media(Some(media::Source::Uri("gs://a".into())), "");
    let file = || media(Some(media::Source::FileId("f".into())), "");
    let custom = || tool_call(Some(tool_call::Input::Text("".into())));
    let arguments_delta = || delta(0, Delta::ArgumentsJson("{}".into()));
    let data_delta = || delta(0, Delta::Data(vec![1]));
    let table: Vec<(Vec<GenerationEvent>, &str)> = vec![
        (vec![], "the events end without finished, which is the last event"),
        (vec![started()], "the events end without finished, which is the last event"),
        (vec![ended()], "candidate_finished precedes started, which is the first event"),
        (vec![finished()], "finished precedes started, which is the first event"),
        (vec![started(), started()], "started comes twice"),
        (vec![started(), finished(), started()], "started follows finished, which is the last event"),
        (
            vec![started(), finished(), event(Event::Heartbeat(Heartbeat::default()))],
            "heartbeat follows finished, which is the last event",
        ),
        (vec![started(), of(-1, ended())], "candidate -1: indexes start at 0"),
        (vec![started(), opened(1, text_part(""))], "candidate 0, part 1: part_started comes where part 0 is the next"),
        (
            vec![started(), opened(-1, text_part(""))],
            "candidate 0, part -1: part_started comes where part 0 is the next",
        ),
        (vec![started(), open_text(), open_text()], "candidate 0, part 0: part_started comes where part 1 is the next"),
        (vec![started(), ended(), open_text()], "candidate 0, part 0: part_started follows candidate_finished"),
        (vec![started(), text(0, "a")], "candidate 0, part 0: part_delta comes while the part is not open"),
        (
            vec![started(), open_text(), closed(0), text(0, "a")],
            "candidate 0, part 0: part_delta comes while the part is not open",
        ),
        (vec![started(), closed(0)], "candidate 0, part 0: part_finished comes while the part is not open"),
        (
            vec![started(), open_text(), closed(0), closed(0)],
            "candidate 0, part 0: part_finished comes while the part is not open",
        ),
        (vec![started(), open_text(), ended()], "candidate 0: candidate_finished comes while parts are open: [0]"),
        (vec![started(), ended(), ended()], "candidate 0: candidate_finished comes twice"),
        (
            vec![started(), of(3, open_text()), of(1, open_text()), ended(), finished()],
            "finished comes while candidates are open: [1, 3]",
        ),
        (
            vec![started(), open_text(), arguments_delta()],
            "candidate 0, part 0: a delta of arguments_json does not fit a part of the kind text",
        ),
        (
            vec![started(), opened(0, Content::Refusal("".into())), delta(0, Delta::Transcript("a".into()))],
            "candidate 0, part 0: a delta of transcript does not fit a part of the kind refusal",
        ),
        (
            vec![started(), opened(0, Content::Reasoning(Reasoning::default())), data_delta()],
            "candidate 0, part 0: a delta of data does not fit a part of the kind reasoning",
        ),
        (
            vec![started(), opened(0, uri()), text(0, "a")],
            "candidate 0, part 0: a delta of text does not fit a part of the kind media",
        ),
        (
            vec![started(), opened(0, tool_call(None)), data_delta()],
            "candidate 0, part 0: a delta of data does not fit a part of the kind tool_call",
        ),
        (
            vec![started(), opened(0, Content::ToolResult(ToolResult::default())), text(0, "a")],
            "candidate 0, part 0: a delta of text does not fit a part of the kind tool_result",
        ),
        (
            vec![started(), opened(0, Content::ProviderPart(ProviderPart::default())), text(0, "a")],
            "candidate 0, part 0: a delta of text does not fit a part of the kind provider_part",
        ),
        (
            vec![started(), opened(0, tool_call(arguments("{"))), text(0, "a")],
            "candidate 0, part 0: a delta of text does not fit a tool_call that holds arguments_json",
        ),
        (
            vec![started(), opened(0, tool_call(None)), arguments_delta(), text(0, "a")],
            "candidate 0, part 0: a delta of text does not fit a tool_call that holds arguments_json",
        ),
        (
            vec![started(), opened(0, custom()), arguments_delta()],
            "candidate 0, part 0: a delta of arguments_json does not fit a tool_call that holds text",
        ),
        (
            vec![started(), opened(0, uri()), data_delta()],
            "candidate 0, part 0: a delta of data does not fit a media that holds uri",
        ),
        (
            vec![started(), opened(0, file()), data_delta()],
            "candidate 0, part 0: a delta of data does not fit a media that holds file_id",
        ),
    ];
    for (events, expected) in table {
        assert_eq!(fold(&events).unwrap_err().to_string(), expected, "{events:?}");
    }
}

#[test]
fn the_response_so_far_can_be_looked_at_at_any_time() {
    let mut whole = Fold::new();
    let mut seen = Vec::new();
    for event in [started(), opened(0, text_part("a")), text(0, "b"), closed(0), ended(), finished()] {
        whole.add(&event).unwrap();
        seen.push((whole.response().text(), whole.is_finished()));
    }
    let expected = [("", false), ("a", false), ("ab", false), ("ab", false), ("ab", false), ("ab", true)];
    assert_eq!(seen, expected.map(|(text, is_finished)| (text.to_owned(), is_finished)));
}
