import Martlet
import MartletService

/// What a cover or a valve is told.
public enum OpeningCommand: Sendable, Hashable {
    /// To open.
    case open
    /// To close.
    case close
    /// To stay where it is.
    case stop
    /// To open so far: 0 is closed, 100 is open.
    case move(to: Int)

    fileprivate init(_ text: String, _ name: String) throws {
        switch text {
        case "OPEN": self = .open
        case "CLOSE": self = .close
        case "STOP": self = .stop
        default:
            guard let position = Int(text), (0...100).contains(position) else { throw CommandError(text, name) }
            self = .move(to: position)
        }
    }
}

/// How a cover or a valve is.
public enum OpeningState: String, Sendable, Hashable {
    /// It is open, or half open.
    case open
    /// It opens.
    case opening
    /// It is closed.
    case closed
    /// It closes.
    case closing
    /// It stands still, somewhere. Only of covers with a position.
    case stopped
}

/// A blind, a curtain, a garage door.
public struct Cover: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A cover.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where its state (`state_topic`) and position (`position_topic`) are published, and commands sent (`command_topic`,
    ///     `set_position_topic`).
    ///   - hasPosition: whether it can be half open, and says how far.
    ///   - deviceClass: such as `blind` or `garage`.
    ///   - options: what else there is to say.
    ///   - handler: moves it; what follows is to be reported.
    public init(
        _ name: String,
        at topics: EntityTopics,
        hasPosition: Bool = false,
        deviceClass: String? = nil,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ command: OpeningCommand) async throws -> Void
    ) {
        var keys = (channels: ["state_topic"], commands: ["command_topic"])
        if hasPosition {
            keys.channels.append("position_topic")
            keys.commands.append("set_position_topic")
        }
        core = EntityCore(
            "cover",
            name,
            options,
            ["device_class": deviceClass.map(JSON.string)],
            channels: keys.channels.map { .init(key: $0, topic: topics[$0, isOnly: false]) },
            commands: keys.commands.map { key in
                let command = EntityCore.Command(topic: topics[key, isOnly: false]) { text, _ in
                    try await handler(OpeningCommand(text, name))
                }
                return (key, command)
            }
        )
    }

    /// Publishes how it is; `nil`: that is not known.
    public func report(_ state: OpeningState?) async throws { try await core.report(state?.rawValue) }

    /// Publishes how far it is open: 0 is closed, 100 is open.
    public func report(position: Int) async throws { try await core.report("\(position)", "position_topic") }
}

/// A valve for water or gas.
public struct Valve: Entity {
    /// What is common to all kinds.
    public let core: EntityCore
    private let hasPosition: Bool

    /// A valve.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where its state is published (`state_topic`) and commands are sent (`command_topic`).
    ///   - hasPosition: whether it can be half open, and says how far; it is told positions then.
    ///   - canStop: whether it can be told to stay where it is.
    ///   - deviceClass: `water` or `gas`.
    ///   - options: what else there is to say.
    ///   - handler: moves it; what follows is to be reported.
    public init(
        _ name: String,
        at topics: EntityTopics,
        hasPosition: Bool = false,
        canStop: Bool = false,
        deviceClass: String? = nil,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ command: OpeningCommand) async throws -> Void
    ) {
        self.hasPosition = hasPosition
        core = EntityCore(
            "valve",
            name,
            options,
            [
                "reports_position": hasPosition ? true : nil, "payload_stop": canStop ? "STOP" : nil,
                "device_class": deviceClass.map(JSON.string),
            ],
            channels: [.init(key: "state_topic", topic: topics["state_topic", isOnly: false])],
            commands: [
                (
                    "command_topic",
                    .init(topic: topics["command_topic", isOnly: false]) { text, _ in
                        try await handler(OpeningCommand(text, name))
                    }
                )
            ]
        )
    }

    /// Publishes how it is.
    ///
    /// - Parameters:
    ///   - state: what it does, or how it stands; `nil`: that is not known.
    ///   - position: how far it is open, of 100, if it says so.
    public func report(_ state: OpeningState?, position: Int? = nil) async throws {
        guard let state, hasPosition else { return try await core.report(state?.rawValue) }
        var members: [String: JSON] = [:]
        // With a position, that alone says whether it is open.
        if [.opening, .closing].contains(state) { members["state"] = .string(state.rawValue) }
        members["position"] = .integer(Int64(position ?? (state == .closed ? 0 : 100)))
        try await core.report(JSON.object(members).bytes)
    }
}

/// What a lock is told.
public enum LockCommand: String, Sendable, Hashable {
    /// To lock.
    case lock = "LOCK"
    /// To unlock.
    case unlock = "UNLOCK"
    /// To open the door.
    case open = "OPEN"
}

/// How a lock is.
public enum LockState: String, Sendable, Hashable {
    /// It is locked.
    case locked = "LOCKED"
    /// It locks.
    case locking = "LOCKING"
    /// It is not locked.
    case unlocked = "UNLOCKED"
    /// It unlocks.
    case unlocking = "UNLOCKING"
    /// Something is in its way.
    case jammed = "JAMMED"
    /// The door is open.
    case open = "OPEN"
    /// It opens the door.
    case opening = "OPENING"
}

/// The lock of a door.
public struct Lock: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A lock.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where its state is published (`state_topic`) and commands are sent (`command_topic`).
    ///   - canOpen: whether it opens the door, too.
    ///   - options: what else there is to say.
    ///   - handler: does it, and returns how the lock is then, which is published.
    public init(
        _ name: String,
        at topics: EntityTopics,
        canOpen: Bool = false,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ command: LockCommand) async throws -> LockState
    ) {
        core = EntityCore.commanded("lock", name, at: topics, options, ["payload_open": canOpen ? "OPEN" : nil]) {
            text in
            guard let command = LockCommand(rawValue: text), canOpen || command != .open else {
                throw CommandError(text, name)
            }
            return try await handler(command).rawValue
        }
    }

    /// Publishes how it is; `nil`: that is not known.
    public func report(_ state: LockState?) async throws { try await core.report(state?.rawValue) }
}
