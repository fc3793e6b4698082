extension Encoder {
    /// The CONNACK that does not let a client in; `nil` where the version has none for that reason, and closing says it all.
    package func refusal(_ reason: ReasonCode) -> [UInt8]? {
        guard version == .v5 else {
            guard reason.legacyConnack != nil else { return nil }
            return bytes(of: .connack(Connack(reason)))
        }
        return bytes(of: .connack(Connack(reason.isAllowed(in: .connack) ? reason : .unspecifiedError)))
    }
}
