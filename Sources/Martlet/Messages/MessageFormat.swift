/// How what is published or queued looks on the wire, where peers of other libraries may read it.
///
/// It is about what is written. A reader tells the two apart by itself, so that both may be on one topic.
///
/// Requests and replies of remote procedures are in an envelope whatever is chosen; the embedded broker, which hands
/// messages on as they are, knows neither.
public enum MessageFormat: Sendable, Hashable, CaseIterable {
    /// The body alone, as commlib-py 0.13 has it: `{"distance":2}`.
    ///
    /// Headers travel beside it where the broker carries them (AMQP, MQTT 5). Elsewhere a message that has headers, and
    /// anywhere one whose body looks like an envelope, is put into an envelope all the same: it would not arrive as it
    /// is otherwise.
    case plain
    /// Always in an envelope, as the documentation of earlier commlib-py has it:
    /// `{"header":{"timestamp":…,"reply_to":"","properties":{"content_type":"application/json",…}},"data":{"distance":2}}`.
    ///
    /// All headers are in the envelope; where the broker carries headers too, they are there as well. An empty body
    /// stays empty unless headers need the envelope: as a retained message it deletes the one that is kept.
    case envelope
}
