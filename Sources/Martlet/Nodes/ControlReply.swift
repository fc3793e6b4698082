/// The answer to a node's start and stop procedures, as commlib-py's.
struct ControlReply: Codable, Sendable, Hashable {
    /// 0: done; 1: not possible.
    var status = 0
    /// Why it was not possible.
    var error = ""
}
