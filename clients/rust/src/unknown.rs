//! Fields that are newer than this client.

use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_key, skip_field};

/// The fields of a message that are newer than this client, as they came: they are sent back with the message.
///
/// Copy the whole message to keep them. A message that is built anew has none: `..Default::default()`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct UnknownFields(Vec<u8>);

impl UnknownFields {
    /// Whether the message held nothing new.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields as they stand on the wire, in the order in which they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    pub(crate) fn encoded_len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let known = self.0.len();
        encode_key(tag, wire_type, &mut self.0);
        let mut copied = Copied { from: buf, to: &mut self.0 };
        let skipped = skip_field(wire_type, tag, &mut copied, ctx);
        if skipped.is_err() {
            self.0.truncate(known);
        }
        skipped
    }
}

impl std::fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A buffer of which all that is read is copied: so prost's own reader finds where a field ends, groups included.
struct Copied<'a, B> {
    from: &'a mut B,
    to: &'a mut Vec<u8>,
}

impl<B: Buf> Buf for Copied<'_, B> {
    fn remaining(&self) -> usize {
        self.from.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.from.chunk()
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let chunk = self.from.chunk();
            let taken = count.min(chunk.len());
            assert!(taken > 0, "advanced beyond the end of the buffer");
            self.to.extend_from_slice(&chunk[..taken]);
            self.from.advance(taken);
            count -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost::bytes::{Buf, Bytes};

    use crate::fold;
    use crate::v1::generation_event::Event;
    use crate::v1::part::Content;
    use crate::v1::{
        Candidate, CandidateFinished, ChatMessage, GenerateRequest, GenerateResponse, GenerationEvent,
        GenerationFinished, GenerationStarted, Part, PartFinished, PartStarted, ToolResult,
    };

    /// Fields of tomorrow, one of each wire type; the group holds a field, and another group.
    const NEW_FIELDS: [&[u8]; 5] = [
        b"\xa0\x06\x96\x01",
        b"\xa9\x06\x01\x02\x03\x04\x05\x06\x07\x08",
        b"\xb2\x06\x05later",
        b"\xbb\x06\x08\x07\x13\x14\xbc\x06",
        b"\xc5\x06\x01\x02\x03\x04",
    ];

    fn newer_part() -> Vec<u8> {
        let mut bytes = Part { item_id: "item_1".to_owned(), ..Part::default() }.encode_to_vec();
        bytes.extend(NEW_FIELDS.concat());
        bytes
    }

    fn read(bytes: &[u8]) -> Part {
        Part::decode(bytes).unwrap()
    }

    #[test]
    fn a_field_of_each_wire_type_is_sent_back_as_it_came() {
        for field in NEW_FIELDS {
            let part = read(field);
            assert_eq!((&part.content, part.unknown_fields.as_bytes()), (&None, field));
            assert_eq!(part.encode_to_vec(), field);
            assert_eq!(part.encoded_len(), field.len());
        }
    }

    #[test]
    fn several_are_kept_in_their_order_beside_what_is_known() {
        let part = read(&newer_part());
        assert_eq!(part.item_id, "item_1");
        assert_eq!(part.unknown_fields.as_bytes(), NEW_FIELDS.concat());
        assert_eq!(part.encode_to_vec(), newer_part());
    }

    #[test]
    fn those_that_came_between_known_fields_are_kept() {
        let mut bytes = NEW_FIELDS[0].to_vec();
        bytes.extend(Part { item_id: "item_1".to_owned(), ..Part::default() }.encode_to_vec());
        bytes.extend(NEW_FIELDS[2]);
        let part = read(&bytes);
        assert_eq!(part.item_id, "item_1");
        assert_eq!(part.unknown_fields.as_bytes(), [NEW_FIELDS[0], NEW_FIELDS[2]].concat());
    }

    #[test]
    fn they_are_kept_however_deep_the_message_lies() {
        let part = read(&newer_part());
        let result = ToolResult { parts: vec![part.clone()], ..ToolResult::default() };
        let message = ChatMessage { parts: vec![part, Content::ToolResult(result).into()], ..ChatMessage::default() };
        let candidate = Candidate { message: Some(message.clone()), ..Candidate::default() };
        let response = GenerateResponse { candidates: vec![candidate], ..GenerateResponse::default() };
        let bytes = response.encode_to_vec();
        assert_eq!(bytes.windows(newer_part().len()).filter(|window| *window == newer_part()).count(), 2);

        let received = GenerateResponse::decode(bytes.as_slice()).unwrap();
        assert_eq!(received, response);
        let messages = vec![received.candidates[0].message.clone().unwrap()];
        let request = GenerateRequest { messages, ..GenerateRequest::default() };
        let sent = GenerateRequest { messages: vec![message], ..GenerateRequest::default() };
        assert_eq!(request.encode_to_vec(), sent.encode_to_vec());
    }

    #[test]
    fn a_part_of_a_kind_of_tomorrow_goes_through_the_fold_unchanged() {
        let part = read(&newer_part());
        let events = [
            Event::Started(GenerationStarted::default()),
            Event::PartStarted(PartStarted { part: Some(part.clone()), ..PartStarted::default() }),
            Event::PartFinished(PartFinished::default()),
            Event::CandidateFinished(CandidateFinished::default()),
            Event::Finished(GenerationFinished::default()),
        ];
        let events = events.map(|event| GenerationEvent { event: Some(event), ..GenerationEvent::default() });
        let response = fold(&events).unwrap();
        assert_eq!(response.candidates[0].message.as_ref().unwrap().parts, [part]);
    }

    #[test]
    fn an_event_of_tomorrow_has_no_kind_and_is_kept() {
        let event = GenerationEvent::decode(NEW_FIELDS[2]).unwrap();
        assert_eq!(event.event, None);
        assert_eq!(event.encode_to_vec(), NEW_FIELDS[2]);
    }

    #[test]
    fn a_message_in_pieces_is_read_as_one() {
        let bytes = newer_part();
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let pieces = Bytes::copy_from_slice(head).chain(Bytes::copy_from_slice(tail));
            assert_eq!(Part::decode(pieces).unwrap(), read(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn a_field_that_is_cut_off_is_refused_and_nothing_of_it_is_kept() {
        for field in NEW_FIELDS {
            for length in 3..field.len() {
                let mut part = read(NEW_FIELDS[0]);
                assert!(part.merge(&field[..length]).is_err(), "{field:?} of {length} bytes");
                assert_eq!(part.unknown_fields.as_bytes(), NEW_FIELDS[0]);
            }
        }
        assert!(Part::decode(b"\xbc\x06".as_slice()).is_err(), "a group that ends before it begins");
    }

    #[test]
    fn groups_without_end_are_refused() {
        let bytes = b"\xbb\x06".repeat(10_000);
        assert!(Part::decode(bytes.as_slice()).is_err());
    }
}
