import Martlet
import MartletBrokers
import MartletConsole
import Testing

@testable import MartletCommand

@Suite("Nodes that live", .timeLimit(.minutes(10)))
struct NodeRollTests {
    private let start = ContinuousClock.now

    @Test("a node is up at its first heartbeat, lost after three intervals of silence, and up again")
    func follows() {
        var roll = NodeRoll()
        #expect(roll.heard("arm.heartbeat", at: start) == .up("arm"))
        #expect(roll.lookForLosses(at: start + .seconds(30)) == [])
        #expect(roll.heard("arm.heartbeat", at: start + .seconds(2)) == nil)
        #expect(roll.lookForLosses(at: start + .seconds(8)) == [])
        #expect(roll.lookForLosses(at: start + .milliseconds(8_001)) == [.lost("arm")])
        #expect(roll.lookForLosses(at: start + .seconds(9)) == [])
        #expect(roll.heard("arm.heartbeat", at: start + .seconds(100)) == .up("arm"))
        #expect(roll.all.first?.interval == .seconds(2))
        #expect(roll.all.first?.beats == 3)
    }

    @Test("one that was heard once may be silent for half a minute")
    func isPatient() {
        var roll = NodeRoll()
        _ = roll.heard("site.arm.heartbeat", at: start)
        #expect(roll.lookForLosses(at: start + .milliseconds(30_001)) == [.lost("site.arm")])
    }

    @Test("there are only so many, and the lost ones make room")
    func isBounded() {
        var roll = NodeRoll()
        for index in 0..<NodeRoll.capacity { _ = roll.heard(TopicName("n\(index).heartbeat"), at: start) }
        #expect(roll.heard("late.heartbeat", at: start) == nil)
        #expect(roll.lookForLosses(at: start + .seconds(60)).count == NodeRoll.capacity)
        #expect(roll.heard("late.heartbeat", at: start + .seconds(60)) == .up("late"))
        #expect(roll.all.map(\.name) == ["late"])
    }

    @Test("the table fits the terminal, and says what it leaves out")
    func fits() {
        var roll = NodeRoll()
        for name in ["node.with.a.long.name", "b", "c", "d"] { _ = roll.heard(TopicName("\(name).x"), at: start) }
        let plain = TextStyle(isUsed: false)
        func table(_ columns: Int, _ rows: Int) -> [String] {
            let size = TerminalSize(columns: columns, rows: rows)
            return NodeScreen.table(roll, at: start, address: .mqtt("mqtt://u:s3sam3@h"), size: size, style: plain)
        }
        #expect(table(100, 30).count == 6)
        #expect(table(100, 30).first == "4 of 4 nodes live on mqtt://u:***@h")
        #expect(table(60, 30).allSatisfy { $0.columns <= 60 })
        #expect(table(100, 7).last == "… 2 more")
        #expect(table(100, 7).count < 7)
    }
}
