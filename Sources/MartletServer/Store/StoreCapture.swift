import Martlet
import MartletMQTTWire

/// All that a broker's store is to hold at a time. Making it copies no message; what changes meanwhile is copied then.
struct StoreCapture: Sendable {
    /// A session in its place.
    struct Seated: Sendable {
        let place: Int
        let session: ServerSession
        let client: BrokerClient
    }

    /// What has not been written yet. It is part of the rest.
    let group: Journal.Group
    /// What writes it, of nothing yet.
    let writer: EntryWriter
    let sessions: [Seated]
    let retained: [BrokerPublication]
    let queues: QueueContents

    /// So many bytes are a record of a snapshot, or a little more.
    private static let recordBytes = 256 << 10

    /// Writes it as a snapshot. Blocks.
    ///
    /// - Returns: how many bytes it has.
    func write(to folder: LockedFolder, _ disk: StoreDisk, generation: Int, next: UInt64) throws(StoreFailure) -> Int {
        var file = try SnapshotFile(folder, disk, generation: generation, time: group.time)
        var writer = writer
        var numbers: [ObjectIdentifier: UInt64] = [:]
        func number(of publication: Publication) -> UInt64 {
            let id = ObjectIdentifier(publication)
            if let number = numbers[id] { return number }
            let number = UInt64(numbers.count + 1)
            numbers[id] = number
            writer.message(number, publication)
            return number
        }
        for publication in retained where !publication.topic.isOfBroker {
            if let origin = publication.origin as? Publication {
                writer.kept(number(of: origin))
            } else {
                writer.kept(publication)
            }
            if writer.bytes.count > Self.recordBytes { try file.write(writer.take()) }
        }
        try queues.forEach { queue, queued throws(StoreFailure) in
            let message = (queued.origin as? Publication).map { number(of: $0) }
            writer.enqueued(queued, in: queue, message: message)
            if writer.bytes.count > Self.recordBytes { try file.write(writer.take()) }
        }
        for seated in sessions {
            let place = seated.place
            writer.session(place, seated.session.clientID, seated.client)
            for change in seated.session.history {
                let message = change.publication.map { number(of: $0) } ?? 0
                writer.change(change, of: place, message: message)
                if writer.bytes.count > Self.recordBytes { try file.write(writer.take()) }
            }
        }
        if !writer.bytes.isEmpty { try file.write(writer.take()) }
        try file.finish(next: next)
        return file.bytes
    }
}
