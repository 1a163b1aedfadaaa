//! What the generator writes out, byte by byte: one row for each kind of field.

use std::fmt::Debug;

use prost::Message;

use super::*;

#[track_caller]
fn check<M: Message + Default + PartialEq + Debug>(message: M, bytes: &[u8]) {
    assert_eq!(message.encode_to_vec(), bytes);
    assert_eq!(message.encoded_len(), bytes.len());
    assert_eq!(M::decode(bytes).unwrap(), message);
    let mut cleared = message;
    cleared.clear();
    assert_eq!(cleared, M::default());
}

#[test]
fn nothing_is_written_of_what_is_not_set() {
    check(GenerateRequest::default(), b"");
    check(Part::default(), b"");
    check(Heartbeat::default(), b"");
}

#[test]
fn plain_fields_are_written_unless_they_are_the_default() {
    check(Signature { provider: "p".into(), value: "v".into(), ..Signature::default() }, b"\x0a\x01p\x12\x01v");
    check(ToolResult { failed: true, ..ToolResult::default() }, b"\x28\x01");
    check(QuotaViolation { limit: -1, ..QuotaViolation::default() }, b"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    check(TokenLogprob { utf8: vec![0xff], ..TokenLogprob::default() }, b"\x12\x01\xff");
    check(TokenLogprob { logprob: 1.5, ..TokenLogprob::default() }, b"\x19\0\0\0\0\0\0\xf8\x3f");
}

#[test]
fn minus_zero_is_not_the_default() {
    let message = TokenLogprob { logprob: -0.0, ..TokenLogprob::default() };
    let bytes = b"\x19\0\0\0\0\0\0\0\x80";
    check(message, bytes);
    assert!(TokenLogprob::decode(bytes.as_slice()).unwrap().logprob.is_sign_negative());
}

#[test]
fn optional_fields_are_written_if_set_to_the_default_too() {
    check(Sampling { temperature: Some(0.0), ..Sampling::default() }, b"\x09\0\0\0\0\0\0\0\0");
    check(Sampling { top_k: Some(0), ..Sampling::default() }, b"\x18\0");
    check(Sampling { seed: Some(0), ..Sampling::default() }, b"\x38\0");
    check(FunctionTool { strict: Some(false), ..FunctionTool::default() }, b"\x20\0");
    check(Part { signature: Some(Signature::default()), ..Part::default() }, b"\x4a\0");
}

#[test]
fn repeated_fields_keep_their_order() {
    check(Sampling { stop_sequences: vec!["b".into(), String::new()], ..Sampling::default() }, b"\x42\x01b\x42\0");
    check(ChatMessage { parts: vec![Part::default(), Part::default()], ..ChatMessage::default() }, b"\x12\0\x12\0");
    check(TokenIds { ids: vec![1, 300], ..TokenIds::default() }, b"\x0a\x03\x01\xac\x02");
    check(Embedding { values: vec![1.5], ..Embedding::default() }, b"\x0a\x04\0\0\xc0\x3f");
    check(Model { capabilities: vec![1, 2], ..Model::default() }, b"\x1a\x02\x01\x02");
}

#[test]
fn numbers_that_are_not_packed_are_read() {
    let ids = TokenIds::decode(b"\x08\x01\x08\xac\x02".as_slice()).unwrap();
    assert_eq!(ids.ids, [1, 300]);
}

#[test]
fn maps_are_written_in_the_order_of_their_keys() {
    let provider_json = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into();
    check(Part { provider_json, ..Part::default() }, b"\x6a\x06\x0a\x01a\x12\x011\x6a\x06\x0a\x01b\x12\x012");
    let logit_bias = [(5, 1.5)].into();
    check(Sampling { logit_bias, ..Sampling::default() }, b"\x4a\x0b\x08\x05\x11\0\0\0\0\0\0\xf8\x3f");
}

#[test]
fn a_member_of_a_oneof_is_written_though_it_is_empty() {
    check(Part { content: Some(part::Content::Text(String::new())), ..Part::default() }, b"\x0a\0");
    let heartbeat = Some(generation_event::Event::Heartbeat(Heartbeat::default()));
    check(GenerationEvent { event: heartbeat, ..GenerationEvent::default() }, b"\x4a\0");
    let last = Part::decode(b"\x0a\x01a\x32\x01b".as_slice()).unwrap();
    assert_eq!(last.content, Some(part::Content::Refusal("b".into())), "the last one counts");
}

#[test]
fn an_enum_s_number_is_kept_though_it_is_newer() {
    let mut message = ChatMessage { role: 99, ..ChatMessage::default() };
    check(message.clone(), b"\x08\x63");
    assert_eq!(message.role(), Role::Unspecified);
    message.set_role(Role::Tool);
    assert_eq!((message.role, message.role()), (4, Role::Tool));
}

#[test]
fn a_message_that_comes_in_two_pieces_is_merged() {
    let whole = Candidate::decode(b"\x12\x02\x08\x03\x12\x03\x1a\x01n\x08\x01".as_slice()).unwrap();
    let message = ChatMessage { role: Role::Assistant.into(), name: "n".into(), ..ChatMessage::default() };
    assert_eq!(whole, Candidate { index: 1, message: Some(message), ..Candidate::default() });
}
