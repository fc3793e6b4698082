/// Whether the latest PINGREQ is still on its way to the broker, behind what was written before it. A pure value.
///
/// A broker can't answer what it has not got: with a large message on a slow link that takes longer than a broker may be silent.
/// So as long as what is before the PINGREQ goes on arriving, the silence is none of the broker's.
struct PingProgress {
    /// How many bytes the link carries up to the end of the latest PINGREQ.
    private var ping = 0
    /// How many of them had arrived when this was looked at last.
    private var arrived = 0

    /// A PINGREQ was put behind what is written.
    mutating func pinged(upTo position: Int) { ping = position }

    /// - Parameter arrived: how many bytes have arrived at the broker's system.
    /// - Returns: whether more of them have than before, and the PINGREQ is still behind those that come next.
    mutating func advances(to arrived: Int) -> Bool {
        defer { self.arrived = max(self.arrived, arrived) }
        return arrived > self.arrived && arrived < ping
    }
}
