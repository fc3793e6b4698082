/// A message, as far as it matters to those who get it.
struct Arrival {
    let topic: String
    let body: [UInt8]
    var quality = 0
    var isRetained = false
    /// The filters by which it came, as far as the broker tells.
    var identified: [Int] = []
    var time = Duration.zero
}

/// What became of a message.
struct ArrivalOutcome: Equatable {
    /// Somebody here reads what it came by.
    var isRead = false
    /// It came by a filter that nobody reads here any more.
    var isLeft = false
    /// It came by filters that are not known here.
    var isForOthers = false
}
