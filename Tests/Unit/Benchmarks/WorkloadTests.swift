import ArgumentParser
import Foundation
import Testing

@testable import benchmarks

@Suite struct WorkloadTests {
    @Test func namesAreDistinct() {
        let names = Workload.all.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func aProgramIsToldAllThatItNeeds() {
        let invocation = Invocation.martlet("mqtt", "call").with(bytes: 16, window: 64)
        #expect(invocation.arguments(count: 100) == ["mqtt", "call", "100", "16", "64"])
        #expect(Invocation.c("redis", "publish").arguments(count: 2) == ["publish", "2", "64", "1"])
        let python = Invocation.python("sql", "select")
        #expect(python.path(in: "/programs") == "/usr/bin/python3")
        #expect(python.arguments(count: 2).dropFirst() == ["select", "2", "64", "1"])
        #expect(python.script.map { FileManager.default.fileExists(atPath: $0) } == true)
        #expect(Invocation.c("redis", "publish").path(in: "/programs") == "/programs/c-redis")
    }

    @Test func theOptionsAreRead() throws {
        #expect(throws: (any Error).self) { try Compare.parse(["--pairs", "0"]) }
        #expect(throws: (any Error).self) { try Compare.parse(["--only", "("]) }
        #expect(throws: (any Error).self) { try Compare.parse(["--only", "no such workload"]) }
        #expect(try Compare.parse(["--only", "MQTT.*64 B", "--quick"]).quick)
    }
}
