//! Transport-wide feedback from the form in which webrtc parses it to the one that `media` reads.
//!
//! It comes from the other side, so nothing in it is believed: counts, chunks and deltas may contradict each other.

use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use snug_media::Seq;
use snug_media::bwe::TransportFeedback;

/// Status by status, with the running sum of the deltas (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). Ends where the
/// message says or where it has no more to say.
pub(super) fn unpack(message: &TransportLayerCc) -> TransportFeedback {
    let mut deltas = message.recv_deltas.iter();
    let mut arrival = 0_i64;
    let mut packets = Vec::with_capacity(usize::from(message.packet_status_count));
    for symbol in
        message.packet_chunks.iter().flat_map(symbols).take(usize::from(message.packet_status_count))
    {
        let arrived = match symbol {
            SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                // Without its delta it arrived, but nobody knows when: as good as not reported.
                let Some(delta) = deltas.next() else { break };
                arrival = arrival.saturating_add(delta.delta);
                Some(arrival)
            }
            SymbolTypeTcc::PacketReceivedWithoutDelta => Some(arrival),
            SymbolTypeTcc::PacketNotReceived => None,
        };
        packets.push(arrived);
    }
    TransportFeedback {
        base_seq: Seq(message.base_sequence_number),
        reference_time: message.reference_time,
        packets,
    }
}

fn symbols(chunk: &PacketStatusChunk) -> Vec<SymbolTypeTcc> {
    match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            vec![run.packet_status_symbol; usize::from(run.run_length)]
        }
        PacketStatusChunk::StatusVectorChunk(vector) => vector.symbol_list.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RecvDelta, RunLengthChunk, StatusVectorChunk};

    fn delta(micros: i64) -> RecvDelta {
        RecvDelta { type_tcc_packet: SymbolTypeTcc::PacketReceivedSmallDelta, delta: micros }
    }

    fn run(symbol: SymbolTypeTcc, run_length: u16) -> PacketStatusChunk {
        PacketStatusChunk::RunLengthChunk(RunLengthChunk {
            packet_status_symbol: symbol,
            run_length,
            ..Default::default()
        })
    }

    #[test]
    fn statuses_and_deltas_become_arrivals() {
        let vector = StatusVectorChunk {
            symbol_list: vec![
                SymbolTypeTcc::PacketReceivedSmallDelta,
                SymbolTypeTcc::PacketNotReceived,
                SymbolTypeTcc::PacketReceivedLargeDelta,
                SymbolTypeTcc::PacketReceivedSmallDelta,
            ],
            ..Default::default()
        };
        let message = TransportLayerCc {
            base_sequence_number: 65_534,
            packet_status_count: 6,
            reference_time: 7,
            packet_chunks: vec![
                run(SymbolTypeTcc::PacketReceivedSmallDelta, 2),
                PacketStatusChunk::StatusVectorChunk(vector),
            ],
            recv_deltas: vec![delta(250), delta(1_000), delta(500), delta(-750), delta(250)],
            ..Default::default()
        };
        let feedback = unpack(&message);
        assert_eq!((feedback.base_seq, feedback.reference_time), (Seq(65_534), 7));
        let arrivals = [Some(250), Some(1_250), Some(1_750), None, Some(1_000), Some(1_250)];
        assert_eq!(feedback.packets, arrivals);
    }

    #[test]
    fn a_message_that_contradicts_itself_is_read_as_far_as_it_goes() {
        let message = TransportLayerCc {
            packet_status_count: u16::MAX,
            packet_chunks: vec![run(SymbolTypeTcc::PacketReceivedSmallDelta, 8_191)],
            recv_deltas: vec![delta(i64::MAX), delta(i64::MAX)],
            ..Default::default()
        };
        assert_eq!(unpack(&message).packets, [Some(i64::MAX), Some(i64::MAX)]);
        let none = TransportLayerCc { packet_status_count: 9, ..Default::default() };
        assert_eq!(unpack(&none).packets, []);
    }
}
