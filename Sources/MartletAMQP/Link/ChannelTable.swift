import Martlet

/// The channels of the present link, by their numbers. A part of its session, on the session's loop.
final class ChannelTable {
    private var open: [UInt16: Channel] = [:]
    private var lastNumber: UInt16 = 0
    /// Those of which something was read in this round.
    private var read: [Channel] = []
    private let settlements: SettlementQueue
    private let maximumBodyBytes: Int

    init(_ settlements: SettlementQueue, maximumBodyBytes: Int) {
        self.settlements = settlements
        self.maximumBodyBytes = maximumBodyBytes
    }

    var count: Int { open.count }
    var all: [Channel] { open.values.sorted { $0.number < $1.number } }

    subscript(number: UInt16) -> Channel? { open[number] }

    /// Whether it is one of the present link.
    func has(_ channel: Channel) -> Bool { open[channel.number] === channel }

    /// - Parameter most: how many there may be.
    /// - Throws: `MessagingError.Code.refused` if there may be no more.
    func add(_ owner: (any ChannelOwner)?, most: UInt16) throws -> Channel {
        let number = try freeNumber(most)
        let channel = Channel(
            number,
            owner: owner,
            settler: ChannelSettler(channel: number, settlements: settlements),
            maximumBodyBytes: maximumBodyBytes
        )
        open[number] = channel
        return channel
    }

    private func freeNumber(_ most: UInt16) throws -> UInt16 {
        guard open.count < Int(most) else {
            throw MessagingError(
                .refused,
                "all \(most) channels of the connection are in use; each subscription and consumer takes one"
            )
        }
        // The one that was closed last is not the next: an answer to it may be under way.
        repeat { lastNumber = lastNumber >= most ? 1 : lastNumber + 1 } while open[lastNumber] != nil
        return lastNumber
    }

    func remove(_ channel: Channel) {
        if has(channel) { open[channel.number] = nil }
    }

    /// Something was read for a channel.
    func noteRead(_ channel: Channel) {
        guard !channel.hasRead else { return }
        channel.hasRead = true
        read.append(channel)
    }

    /// Tells the owners of those of which something was read that this was all for now.
    func tellRead(_ session: isolated AMQPSession) {
        let round = read
        read.removeAll(keepingCapacity: true)
        for channel in round {
            channel.hasRead = false
            if has(channel) { channel.owner?.readAll(on: channel, of: session) }
        }
    }

    // MARK: Settling

    /// What readers have done with their deliveries, as far as its channel is there, by channels.
    func takeSettlements() -> [(channel: Channel, method: ClientMethod)] {
        settlements.takeAll().compactMap { entry in
            guard let channel = open[entry.settler.channel], channel.settler === entry.settler else { return nil }
            return (channel, entry.method)
        }
    }
}
