import Martlet
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How a ``FileSink`` writes.
public struct FileOptions: Sendable, Hashable {
    /// How a message becomes a line.
    public var format: LineFormat
    /// Whether each batch is forced onto the disk before it counts as delivered. Otherwise the system has it, and a power
    /// loss may cost the last seconds.
    public var isSynced: Bool
    /// How large the file may become, in bytes: then it is renamed, with `.1` behind its name, in place of an older one of
    /// that name. `nil`: it grows for ever.
    public var maximumBytes: Int?

    /// Bodies, not synced, without a limit, unless told.
    public init(format: LineFormat = .body, isSynced: Bool = false, maximumBytes: Int? = nil) {
        self.format = format
        self.isSynced = isSynced
        self.maximumBytes = maximumBytes
    }
}

/// A file that each message is appended to as a line.
///
/// A batch is written whole or not at all: what a full disk took of it is cut off again, and the batch is written later. A
/// file that was moved away, as logrotate does, is made anew with the next batch.
public struct FileSink: Sink {
    private let file: AppendedFile
    private let format: LineFormat

    /// A file, which is made if it is not there. Its folder has to exist.
    ///
    /// - Parameters:
    ///   - path: the file. A symbolic link is followed.
    ///   - options: how messages are written.
    public init(path: String, options: FileOptions = FileOptions()) {
        file = AppendedFile(path, options)
        format = options.format
    }

    /// Appends the messages of a batch.
    public func deliver(_ batch: [SinkItem]) async throws {
        let time = WallClock.nanoseconds
        var bytes: [UInt8] = []
        for item in batch { bytes += try format.line(of: item, at: time) }
        try await file.append(bytes)
    }

    /// Closes the file.
    public func close() async { await file.close() }
}

/// Calls that block are made on a queue of its own, away from the threads that tasks share.
private final class AppendedFile: Sendable {
    private struct State {
        var descriptor: CInt = -1
        var size = 0

        mutating func end() {
            if descriptor >= 0 { _ = systemClose(descriptor) }
            self = State()
        }
    }

    private let path: String
    private let options: FileOptions
    private let queue = BlockingQueue(label: "martlet.file")
    private let state = Mutex(State())

    init(_ path: String, _ options: FileOptions) {
        self.path = path
        self.options = options
    }

    deinit { state.withLock { $0.end() } }

    func append(_ bytes: [UInt8]) async throws {
        try await perform { [self] state in
            try open(&state)
            if let limit = options.maximumBytes, state.size > 0, state.size + bytes.count > limit {
                guard rename(path, path + ".1") == 0 else { throw failure("renamed") }
                try open(&state)
            }
            try write(bytes, &state)
        }
    }

    func close() async {
        try? await perform { $0.end() }
    }

    private func perform(_ body: @escaping @Sendable (inout State) throws -> Void) async throws {
        try await queue.perform { try self.state.withLock { try body(&$0) } }
    }

    /// Opens the file, unless the open one still has its name, and looks how large it is: others may have cut it off, as
    /// logrotate's `copytruncate` does, or have written to it, too.
    private func open(_ state: inout State) throws {
        if state.descriptor < 0 || !isSame(state.descriptor) {
            state.end()
            state.descriptor = systemOpen(path)
            guard state.descriptor >= 0 else { throw failure("opened") }
        }
        var status = stat()
        guard fstat(state.descriptor, &status) == 0 else { throw failure("looked at") }
        state.size = Int(status.st_size)
    }

    private func isSame(_ descriptor: CInt) -> Bool {
        var (mine, named) = (stat(), stat())
        return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0
            && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino
    }

    private func write(_ bytes: [UInt8], _ state: inout State) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(state.descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failure("written to")
                takeBack(state)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        if options.isSynced, fsync(state.descriptor) != 0 {
            let error = failure("forced onto the disk")
            takeBack(state)
            throw error
        }
    }

    /// Cuts off what was written of a batch. A pipe or a device has nothing to cut.
    private func takeBack(_ state: State) {
        _ = ftruncate(state.descriptor, off_t(state.size))
    }

    /// Passing: a folder may be made, and a disk become less full.
    private func failure(_ what: String) -> MessagingError {
        let reason = String(cString: strerror(errno))
        return MessagingError(.refused, "the file \(quoted(path)) can't be \(what): \(reason)", isRetriable: true)
    }
}

// The system's functions, whose names the methods above hide.
private func systemOpen(_ path: String) -> CInt { open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644) }
private func systemClose(_ descriptor: CInt) -> CInt { close(descriptor) }
private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
