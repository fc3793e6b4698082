import ArgumentParser
import Martlet
import MartletConsole
import MartletServer

/// `martlet broker dump`
struct BrokerDumpCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Show what is in a broker's store.",
        usage: "martlet broker dump [--json] <folder>",
        discussion: """
            The folder is that of 'martlet broker --store'. Nothing in it is changed; a broker may use it meanwhile.

            On a terminal lines for people. Elsewhere, or with --json, a line of JSON for each retained message ('retained'), \
            each queue ('queue') and each message in it ('waiting'), each session ('session'), each message that waits for a \
            session's client ('queued') or is on its way to it ('in-flight'), and one at the end ('store'). A damaged file ends it with exit code 64, and is named with the byte.

            EXAMPLES:
              martlet broker dump /var/lib/martlet
              martlet broker dump /var/lib/martlet | jq -c 'select(.kind == "session") | [.client, .queued]'
            """
    )

    @Argument(help: "The store's folder.", completion: .directory)
    var folder: String
    @Flag(help: "Print lines of JSON, also on a terminal.")
    var json = false
    @OptionGroup(visibility: .hidden) var connection: ConnectionArguments

    func perform(in session: Session) async throws {
        try Failure.checkReadable(folder: folder)
        let dump: StoreDump
        do {
            dump = try StoreDump(folder: folder)
        } catch let error as MessagingError {
            throw Failure(.usage, error.message)
        }
        let writer = DumpWriter(output: session.output, asJSON: json || !session.output.isForPeople)
        for message in dump.retained { try writer.write("retained", message) }
        for queue in dump.queues { try writer.write(queue) }
        for session in dump.sessions { try writer.write(session) }
        try writer.write(dump)
    }
}

/// Writes what is in a store.
private struct DumpWriter {
    let output: OutputWriter
    let asJSON: Bool

    /// - Parameter client: whose message it is; `nil`: everybody's.
    func write(_ kind: String, _ message: StoreDump.Message?, of client: String? = nil, id: UInt16? = nil) throws {
        guard asJSON else {
            let owner = [client, id.map { "packet \($0)" }].compactMap { $0 }.joined(separator: ", ")
            let text = message.map { "\(($0.topic ?? "").printable())  \(output.text(of: $0.body))  QoS \($0.qos)" }
            let line = [owner.isEmpty ? nil : owner.printable(), text ?? "the client has it"].compactMap { $0 }
            return try output.writeLine("\(kind)  \(line.joined(separator: "  "))")
        }
        var object = JSONObject()
        object.add("kind", string: kind)
        if let client { object.add("client", string: client) }
        if let id { object.add("packet", integer: Int(id)) }
        if let message { object.add(message) } else { object.add("released", boolean: true) }
        try output.write(object)
    }

    func write(_ queue: StoreDump.Queue) throws {
        guard asJSON else {
            try output.writeLine("queue  \(queue.name.printable())  \(queue.messages.count) messages")
            for (message, deliveries) in queue.messages {
                let count = deliveries == 0 ? "" : "  delivered \(deliveries) times"
                let text = "\(queue.name.printable())  \(output.text(of: message.body))  QoS \(message.qos)\(count)"
                try output.writeLine("waiting  \(text)")
            }
            return
        }
        var object = JSONObject()
        object.add("kind", string: "queue")
        object.add("queue", string: queue.name)
        object.add("messages", integer: queue.messages.count)
        try output.write(object)
        for (message, deliveries) in queue.messages {
            var object = JSONObject()
            object.add("kind", string: "waiting")
            object.add("queue", string: queue.name)
            object.add(message)
            object.add("deliveries", integer: deliveries)
            try output.write(object)
        }
    }

    func write(_ session: StoreDump.Session) throws {
        if asJSON {
            try output.write(object(of: session))
        } else {
            let filters = session.subscriptions.map { "\($0.filter.printable()) (QoS \($0.qos))" }
            let state = session.left.map { "gone since \(Moment(nanoseconds: $0).timestamp)" } ?? "there"
            let parts = [session.clientID.printable(), state] + filters
            try output.writeLine("session  \(parts.joined(separator: "  "))")
            if let will = session.will { try write("will", will, of: session.clientID) }
        }
        for (id, message) in session.inFlight { try write("in-flight", message, of: session.clientID, id: id) }
        for message in session.queued { try write("queued", message, of: session.clientID) }
    }

    private func object(of session: StoreDump.Session) -> JSONObject {
        var object = JSONObject()
        object.add("kind", string: "session")
        object.add("client", string: session.clientID)
        if let user = session.user { object.add("user", string: user) }
        object.add("address", string: session.address)
        object.add("listener", string: session.listener)
        object.add("expiry", number: session.expiry, decimals: 0)
        if let left = session.left { object.add("left", string: Moment(nanoseconds: left).timestamp) }
        object.add(
            "subscriptions",
            array: session.subscriptions.map { subscription in
                var object = JSONObject()
                object.add("filter", string: subscription.filter)
                object.add("qos", integer: Int(subscription.qos))
                if let ruling = subscription.ruling { object.add("ruling", string: ruling) }
                if subscription.isOwed { object.add("owed", boolean: true) }
                return object.bytes
            }
        )
        object.add("queued", integer: session.queued.count)
        object.add("in-flight", integer: session.inFlight.count)
        object.add("received", integer: session.received.count)
        if let will = session.will {
            var inner = JSONObject()
            inner.add(will)
            object.add("will", json: inner.bytes)
        }
        return object
    }

    func write(_ dump: StoreDump) throws {
        let time = dump.time.map { Moment(nanoseconds: $0).timestamp }
        let counts =
            "\(dump.retained.count) retained, \(dump.waitingCount) waiting in queues, \(dump.sessions.count) sessions"
        guard asJSON else {
            try output.writeLine("store  \(counts)\(time.map { ", written \($0)" } ?? "")")
            if dump.cutBytes > 0 { try output.writeLine("store  \(dump.cutBytes) bytes at its end are no record") }
            return
        }
        var object = JSONObject()
        object.add("kind", string: "store")
        object.add("retained", integer: dump.retained.count)
        object.add("waiting", integer: dump.waitingCount)
        object.add("sessions", integer: dump.sessions.count)
        if let time { object.add("written", string: time) }
        object.add("cut", integer: dump.cutBytes)
        try output.write(object)
    }
}

extension JSONObject {
    fileprivate mutating func add(_ message: StoreDump.Message) {
        if let topic = message.topic { add("topic", string: topic) }
        add("body", body: message.body)
        add("qos", integer: Int(message.qos))
        if let expires = message.expires { add("expires", string: Moment(nanoseconds: expires).timestamp) }
    }

    fileprivate mutating func add(_ name: String, array: [[UInt8]]) {
        add(name, json: Array("[".utf8) + Array(array.joined(separator: Array(",".utf8))) + Array("]".utf8))
    }
}
