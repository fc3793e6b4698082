import Testing

@testable import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct RandomStockTests {
    @Test func eachNumberIsGivenOutOnce() {
        let numbers = (0..<10_000).map { _ in RandomStock.next() }
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.reduce(0, |) == .max && numbers.reduce(.max, &) == 0)
    }

    @Test func anIDHas128RandomBits() {
        let fixed = RandomSource { _ in 0x8000_0000_0000_0001 }
        #expect(fixed.text(for: .call) == "1000000000008" + "1000000000008")
        let texts = (0..<1_000).map { _ in RandomSource.system.text(for: .call) }
        #expect(Set(texts).count == texts.count)
        #expect(texts.allSatisfy { $0.utf8.count == 26 })
    }

    #if !canImport(Darwin)
    /// A process that is forked has the memory of its parent, and what that has in stock.
    @Test func aForkedProcessHasOtherNumbers() throws {
        // Swift has no name for it.
        let symbol = try #require(dlsym(dlopen(nil, RTLD_NOW), "fork"))
        let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let count = 40
        _ = RandomStock.next()
        let child = fork()
        if child == 0 {
            for _ in 0..<count {
                var number = RandomStock.next()
                _ = write(ends[1], &number, MemoryLayout<UInt64>.size)
            }
            _exit(0)
        }
        try #require(child > 0)
        let own = Set((0..<count).map { _ in RandomStock.next() })
        close(ends[1])
        var others: [UInt64] = []
        var number: UInt64 = 0
        // No more than that: programs that others start meanwhile keep the pipe's end from coming.
        while others.count < count, read(ends[0], &number, 8) == 8 { others.append(number) }
        close(ends[0])
        waitpid(child, nil, 0)
        #expect(others.count == count)
        #expect(own.isDisjoint(with: others))
    }
    #endif
}
