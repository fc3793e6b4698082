/// How hard a sender tries to make what it sends small. The names are commlib-py's.
public enum CompressionLevel: Sendable, Hashable, CaseIterable {
    /// What is sent stays as it is. What comes is read all the same, compressed or not.
    case none
    /// The least work.
    case speed
    /// The smallest result.
    case best
    /// What zlib takes for a good compromise.
    case standard

    /// As zlib's level.
    var number: Int32 {
        switch self {
        case .none: 0
        case .speed: 1
        case .best: 9
        case .standard: -1
        }
    }
}
