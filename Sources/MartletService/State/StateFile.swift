public import Logging
public import Martlet
import MartletSettings
import Synchronization

/// What a program remembers from one run to the next: a value in memory, and a file that holds it.
///
/// ```swift
/// struct Memory: Codable, Sendable { var powersave = false; var sent = 0 }
///
/// let memory = try await StateFile.open(at: "/var/lib/martlet/gadget.json", default: Memory())
/// try await memory.update { $0.sent += 1 }
/// print(memory.value.sent)
/// ```
///
/// The file is JSON, on one line. It is replaced as a whole and forced onto the disk, so that it holds the old value or the
/// new one, whatever happens to the process or the machine meanwhile. The version before it stays beside it as
/// `<file>.previous`, and counts if the file can't be read or is missing. `<file>.lock` keeps other processes away. To begin
/// anew, delete the file and the version before it.
///
/// Each change writes the whole value: it is for settings and counters, not for measurements.
public final class StateFile<Value: Codable & Sendable>: Sendable {
    private struct State {
        var value: Value
        /// What the file holds; `nil`: there is none yet.
        var bytes: [UInt8]?
    }

    private let storage: StateStorage
    private let state: Mutex<State>
    /// Calls that block are made here, one after the other, away from the threads that tasks share.
    private let queue = BlockingQueue(label: "martlet.state")

    private init(_ storage: StateStorage, _ state: sending State) {
        self.storage = storage
        self.state = Mutex(state)
    }

    /// Opens a file, which nobody else can open until this object is gone.
    ///
    /// There need not be one: the first change writes it. Its folder is made if that alone is missing. A member of a value
    /// that the file does not have, because an older version of the program wrote it, is that of `value`.
    ///
    /// - Parameters:
    ///   - path: where the file is.
    ///   - value: what holds if there is no file.
    ///   - foreign: a file in YAML that is read once, where there is no file yet, and stays as it is: the state of a service
    ///     of miqro. Its keys may be written `like_this`.
    ///   - logger: told if the version before had to be taken.
    /// - Throws: ``StateFileError`` if somebody else has the file open, or it can't be read, or means nothing to the type:
    ///   it is never overwritten then. `SettingsError` for the foreign file.
    public static func open(
        at path: String,
        default value: Value,
        importing foreign: String? = nil,
        logger: Logger = Logger(label: "martlet")
    ) async throws -> StateFile {
        try await open(at: path, default: value, importing: foreign, logger: logger) { _ in }
    }

    package static func open(
        at path: String,
        default value: Value,
        importing foreign: String? = nil,
        logger: Logger = Logger(label: "martlet"),
        beforeCall: @escaping StateStorage.Hook
    ) async throws -> StateFile {
        try await BlockingQueue(label: "martlet.state.open").perform {
            let storage = try StateStorage(path, before: beforeCall)
            if let state = try read(storage, default: value, logger) { return StateFile(storage, state) }
            guard let foreign, let imported = try ForeignState.value(of: foreign, default: value) else {
                return StateFile(storage, State(value: value))
            }
            let file = StateFile(storage, State(value: value))
            try file.apply { $0 = imported }
            return file
        }
    }

    /// Where the file is.
    public var path: String { storage.path }

    /// The value as it is now.
    public var value: Value { state.withLock { $0.value } }

    /// Changes the value, and returns when the file holds it.
    ///
    /// Changes come one after the other, in the order of the calls. If the value is the same afterwards, nothing is written.
    /// A task that is cancelled meanwhile has changed the value all the same.
    ///
    /// - Parameter change: what is done to the value. It is called on a thread for calls that block.
    /// - Returns: what `change` returns.
    /// - Throws: ``StateFileError`` if the file can't be written, on a full disk for instance, and what `change` throws.
    ///   The value is then what it was, in memory and in the file.
    @discardableResult
    public func update<Result: Sendable>(
        _ change: @escaping @Sendable (inout Value) throws -> Result
    ) async throws -> Result {
        try await queue.perform { try self.apply(change) }
    }

    private func apply<Result>(_ change: (inout Value) throws -> Result) throws -> Result {
        // Only this queue changes it, so that nobody who asks for the value waits for the disk.
        var (value, former) = state.withLock { ($0.value, $0.bytes) }
        let result = try change(&value)
        let bytes = try StateText.bytes(of: value)
        if bytes != former { try storage.write(bytes, former: former) }
        let new = State(value: value, bytes: bytes)
        state.withLock { $0 = new }
        return result
    }

    /// What the file holds or, where that is no state or the file is missing, the version before it; `nil` if there is neither.
    private static func read(_ storage: StateStorage, default value: Value, _ logger: Logger) throws -> State? {
        let bytes = try storage.contents()
        var reason = "it is missing"
        if let bytes {
            do {
                return State(value: try StateText.value(of: bytes, default: value), bytes: bytes)
            } catch {
                reason = "it holds no such state: \(error)"
            }
        }
        let former = try storage.previousContents()
        if bytes == nil, former == nil { return nil }
        guard let former, let value = try? StateText.value(of: former, default: value) else {
            throw StateFileError(.unreadable, storage.path, "\(reason); nor can the version before it be read")
        }
        if bytes != nil { try storage.putAside() }
        logger.error(
            "the state file can't be used; the version before it counts, and a damaged file is kept",
            metadata: ["file": "\(storage.path)", "error": "\(reason)"]
        )
        // Where that fails the version before it counts the next time, too.
        try? storage.write(former, former: nil)
        return State(value: value, bytes: former)
    }
}

extension StateFile where Value == JSON {
    /// What some steps lead to, or a value where there is nothing: `state["counts", "north", default: 0]`.
    public subscript(_ path: JSON.Step..., default value: @autoclosure () -> JSON) -> JSON {
        self.value[path: path] ?? value()
    }

    /// Sets what some steps lead to, and makes the objects on the way; see ``update(_:)``.
    ///
    /// - Parameters:
    ///   - path: the steps.
    ///   - value: `nil` removes it.
    public func set(_ path: JSON.Step..., to value: JSON?) async throws {
        try await update { $0[path: path] = value }
    }
}
