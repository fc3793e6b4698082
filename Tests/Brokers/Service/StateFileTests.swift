import Foundation
import IntegrationSupport
import Martlet
import MartletService
import MartletSettings
import Synchronization
import Testing

@Suite("A state file")
struct StateFileTests {
    struct Memory: Codable, Sendable, Equatable {
        var powersave = false
        var sentCount = 0
    }

    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder("state")
        path = folder.path("gadget.json")
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: folder.path(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `holds what was set when it is opened again, and the version before`() async throws {
        do {
            let memory = try await StateFile.open(at: path, default: Memory())
            #expect(memory.value == Memory())
            #expect(text("gadget.json") == nil)
            try await memory.update { $0.sentCount = 1 }
            let sent = try await memory.update { memory in
                memory.sentCount += 1
                return memory.sentCount
            }
            #expect(sent == 2)
        }
        #expect(text("gadget.json") == "{\"powersave\":false,\"sentCount\":2}\n")
        #expect(text("gadget.json.previous") == "{\"powersave\":false,\"sentCount\":1}\n")
        #expect(text("gadget.json.new") == nil)
        let memory = try await StateFile.open(at: path, default: Memory(powersave: true))
        #expect(memory.value == Memory(powersave: false, sentCount: 2))
    }

    @Test func `does not write what is the same`() async throws {
        let calls = Mutex<[String]>([])
        let memory = try await StateFile.open(at: path, default: Memory()) { call in
            calls.withLock { $0.append(call) }
        }
        try await memory.update { $0.sentCount = 5 }
        #expect(calls.withLock { $0 } == ["open", "write", "fsync", "rename"])
        try await memory.update { $0.sentCount = 5 }
        #expect(calls.withLock { $0.count } == 4)
        try await memory.update { $0.sentCount = 6 }
        #expect(calls.withLock { $0.count } == 12)
    }

    @Test func `takes changes in turn, from many tasks`() async throws {
        let memory = try await StateFile.open(at: path, default: Memory())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await memory.update { $0.sentCount += 1 } } }
            try await group.waitForAll()
        }
        #expect(memory.value.sentCount == 50)
    }

    @Test func `is open once`() async throws {
        var memory: StateFile? = try await StateFile.open(at: path, default: Memory())
        await #expect { _ = try await StateFile.open(at: path, default: Memory()) } throws: { error in
            (error as? StateFileError)?.code == .inUse && "\(error)".contains("is in use")
        }
        withExtendedLifetime(memory) {}
        memory = nil
        _ = try await StateFile.open(at: path, default: Memory())
    }

    @Test func `of an older program lacks a member`() async throws {
        try folder.write("{\"sentCount\": 3}", to: "gadget.json")
        let memory = try await StateFile.open(at: path, default: Memory(powersave: true))
        #expect(memory.value == Memory(powersave: true, sentCount: 3))
    }

    @Test func `of a dictionary gets no entries of the default`() async throws {
        try folder.write("{\"a\": 3}", to: "gadget.json")
        let memory = try await StateFile.open(at: path, default: ["b": 1])
        #expect(memory.value == ["a": 3])
    }

    @Test(arguments: ["", "{\"sentCount\": 2", "[]", "{\"sentCount\": \"many\"}"])
    func `that is damaged gives way to the version before, and stays`(damaged: String) async throws {
        try folder.write(damaged, to: "gadget.json")
        try folder.write("{\"powersave\":true,\"sentCount\":1}", to: "gadget.json.previous")
        do {
            let memory = try await StateFile.open(at: path, default: Memory())
            #expect(memory.value == Memory(powersave: true, sentCount: 1))
            try await memory.update { $0.sentCount = 2 }
        }
        #expect(text("gadget.json.damaged") == damaged)
        let memory = try await StateFile.open(at: path, default: Memory())
        #expect(memory.value == Memory(powersave: true, sentCount: 2))
    }

    /// Nothing was changed between the starts.
    @Test(arguments: ["no state", nil] as [String?])
    func `that is damaged or missing is what it was before, at each start`(damaged: String?) async throws {
        if let damaged { try folder.write(damaged, to: "gadget.json") }
        try folder.write("{\"powersave\":true,\"sentCount\":1}\n", to: "gadget.json.previous")
        let foreign = try folder.write(Self.miqro, to: "gadget.yaml")
        for _ in 0..<3 {
            let memory = try await StateFile.open(at: path, default: Memory(), importing: foreign)
            #expect(memory.value == Memory(powersave: true, sentCount: 1))
        }
        #expect(text("gadget.json") == "{\"powersave\":true,\"sentCount\":1}\n")
        #expect(text("gadget.json.damaged") == damaged)
    }

    @Test func `that is missing beside a damaged version is not begun anew`() async throws {
        try folder.write("no state", to: "gadget.json.previous")
        await #expect { _ = try await StateFile.open(at: path, default: Memory()) } throws: { error in
            (error as? StateFileError)?.code == .unreadable && "\(error)".contains("is missing")
        }
    }

    @Test func `that nothing can be made of is left alone`() async throws {
        try folder.write("no state", to: "gadget.json")
        await #expect { _ = try await StateFile.open(at: path, default: Memory()) } throws: { error in
            (error as? StateFileError)?.code == .unreadable
        }
        #expect(text("gadget.json") == "no state")
    }

    @Test func `in a folder that can't be there`() async throws {
        let path = folder.path("a/b/state.json")
        await #expect { _ = try await StateFile.open(at: path, default: Memory()) } throws: { error in
            (error as? StateFileError)?.code == .unreadable && "\(error)".contains("No such file")
        }
    }

    @Test func `keeps who may read it`() async throws {
        let memory = try await StateFile.open(at: path, default: Memory())
        func mode() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        try await memory.update { $0.sentCount = 1 }
        #expect(try mode() == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try await memory.update { $0.sentCount = 2 }
        #expect(try mode() == 0o644)
    }

    @Test func `without a type is read and set by paths`() async throws {
        let state: StateFile<Martlet.JSON> = try await StateFile.open(at: path, default: [:])
        #expect(state["foo", "bar", default: 23] == 23)
        try await state.set("foo", "bar", to: 42)
        #expect(state["foo", "bar", default: 23] == 42)
        #expect(text("gadget.json") == "{\"foo\":{\"bar\":42}}\n")
        try await state.set("foo", "bar", to: nil)
        #expect(state.value == ["foo": [:]])
    }

    // MARK: Foreign files

    static let miqro = """
        powersave: true
        sent_count: 7
        """

    @Test func `is begun with what a service of miqro left`() async throws {
        let foreign = try folder.write(Self.miqro, to: "gadget.yaml")
        do {
            let memory = try await StateFile.open(at: path, default: Memory(), importing: foreign)
            #expect(memory.value == Memory(powersave: true, sentCount: 7))
        }
        #expect(text("gadget.json") == "{\"powersave\":true,\"sentCount\":7}\n")
        #expect(text("gadget.yaml") == Self.miqro)
        try folder.write("sent_count: 8", to: "gadget.yaml")
        let memory = try await StateFile.open(at: path, default: Memory(), importing: foreign)
        #expect(memory.value.sentCount == 7)
    }

    @Test func `without a type is begun with it as well`() async throws {
        let yaml = "a:\n  b: 1\n  c: 2.5\nd: [x, true, '3', null]\n"
        let foreign = try folder.write(yaml, to: "gadget.yaml")
        let state: StateFile<Martlet.JSON> = try await StateFile.open(at: path, default: [:], importing: foreign)
        #expect(state.value == ["a": ["b": 1, "c": 2.5], "d": ["x", true, "3", .null]])
    }

    @Test func `says where a foreign file is wrong`() async throws {
        let foreign = try folder.write("powersave: true\nsent_count: many\n", to: "gadget.yaml")
        await #expect { _ = try await StateFile.open(at: path, default: Memory(), importing: foreign) } throws: {
            "\($0)".hasPrefix("\(foreign):2:13: sent_count: it is \"many\"")
        }
        #expect(text("gadget.json") == nil)
    }

    // MARK: What fails

    static let calls = ["open", "write", "fsync", "rename"]

    @Test(arguments: calls.indices.map { ($0, true) } + calls.indices.map { ($0, false) })
    func `is what it was when the disk refuses`(call: Int, isOfPrevious: Bool) async throws {
        let failing = Atomic(-1)
        let memory = try await StateFile.open(at: path, default: Memory()) { name in
            // Those of the previous version come first.
            if failing.subtract(1, ordering: .relaxed).oldValue == 0 { throw StoreFailure(of: name, code: ENOSPC) }
        }
        try await memory.update { $0.sentCount = 1 }
        failing.store(isOfPrevious ? call : call + Self.calls.count, ordering: .relaxed)
        await #expect { try await memory.update { $0.sentCount = 2 } } throws: { error in
            (error as? StateFileError)?.code == .notWritten
                && "\(error)".hasSuffix("\(Self.calls[call]): No space left on device")
        }
        #expect(memory.value.sentCount == 1)
        #expect(text("gadget.json") == "{\"powersave\":false,\"sentCount\":1}\n")
        #expect(text("gadget.json.new") == nil && text("gadget.json.previous.new") == nil)
        try await memory.update { $0.sentCount = 3 }
        #expect(text("gadget.json") == "{\"powersave\":false,\"sentCount\":3}\n")
    }

    @Test func `is what it was when the change throws`() async throws {
        struct Refusal: Error {}
        let memory = try await StateFile.open(at: path, default: Memory())
        await #expect(throws: Refusal.self) {
            try await memory.update { memory in
                memory.sentCount = 9
                throw Refusal()
            }
        }
        #expect(memory.value.sentCount == 0)
    }
}
