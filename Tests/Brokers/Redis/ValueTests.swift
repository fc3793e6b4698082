import Martlet
import MartletTransport
import Testing

@testable import MartletRedis

/// The pure values: what is asked of the server, and what its answers mean.
@Suite struct ValueTests {
    @Test(arguments: [
        ("a.b", "a.b"), ("a.*", "a.*"), ("*.b", "*.b"), ("*", "*"), ("#", "*"), ("a.#", "a*"), ("a.*.#", "a.**"),
        ("a[1]?.*", "a\\[1\\]\\?.*"), ("a\\^b.*", "a\\\\\\^b.*"), ("a[1].b", "a[1].b"),
    ])
    func patternsAreGlobs(_ pattern: String, _ wire: String) {
        let filter = WireFilter(TopicPattern(pattern))
        #expect(filter.text == wire)
        #expect(filter == (TopicPattern(pattern).hasWildcards ? .glob(ByteKey(wire)) : .channel(ByteKey(wire))))
    }

    @Test func subscriptionsOfOneFilterAreShared() {
        var table = SubscriptionTable<String>()
        let (first, change) = table.add("1", for: "a.*")
        #expect(change == .subscribe(.glob("a.*")))
        // The answer is not there yet.
        let (second, again) = table.add("2", for: "a.*")
        #expect(again == .subscribe(.glob("a.*")))
        table.confirmed(.glob("a.*"))
        let (third, nothing) = table.add("3", for: "a.*")
        #expect(nothing == .none)
        #expect(table[.glob("a.*")]?.members.map(\.receiver) == ["1", "2", "3"])
        let changes = [first, second, second, third].map { table.remove($0) }
        #expect(changes == [.none, .none, .none, .unsubscribe(.glob("a.*"))])
        #expect(table.isEmpty)
        _ = table.add("4", for: "b")
        table.confirmed(.channel("b"))
        table.linkLost()
        let (_, anew) = table.add("5", for: "b")
        #expect(anew == .subscribe(.channel("b")))
        let all = table.removeAll()
        #expect(all.sorted() == ["4", "5"])
        #expect(table.isEmpty)
    }

    @Test func replyListsAreUsedAgainOnlyWhenAnswered() {
        var lists = ReplyLists(base: "rpc-x")
        var leased: [ReplyLists.List] = []
        for number in 0..<ReplyLists.perSet + 1 {
            let (list, isNew) = lists.lease()
            #expect(isNew == (number == 0 || number == ReplyLists.perSet))
            leased.append(list)
        }
        #expect(Set(leased.map(\.name)).count == ReplyLists.perSet + 1)
        #expect(lists.sets == 2)
        let counts = [lists.arm(0).count, lists.arm(1).count]
        #expect(counts == [ReplyLists.perSet, ReplyLists.perSet])
        lists.giveBack(leased[0], isClean: true)
        let clean = lists.takeStale()
        lists.giveBack(leased[1], isClean: false)
        let stale = [clean, lists.takeStale(), lists.takeStale()]
        #expect(stale == [[], [0], []])
        #expect(lists.isStale(0), "told is not done")
        // The old name is waited for as well: what comes late is taken away.
        let names = lists.arm(0)
        #expect(!lists.isStale(0))
        #expect(names.count == ReplyLists.perSet + 1)
        #expect(names.contains(leased[1].name))
        var next: Set<String> = []
        for _ in 0..<ReplyLists.perSet + 1 { next.insert(lists.lease().list.name) }
        #expect(next.contains(leased[0].name))
        #expect(!next.contains(leased[1].name))
        #expect(lists.unclean.contains(leased[1].name))
    }

    @Test func aLostLinkWaitsForNoListThatIsUsedLater() {
        var lists = ReplyLists(base: ReplyNames.makeBase())
        let (busy, idle) = (lists.lease(for: "q").list, lists.lease(for: "q").list)
        lists.giveBack(idle, isClean: true)
        let before = Set(lists.arm(0))
        lists.linkLost()
        // One whose reply came just before the loss.
        lists.giveBack(busy, isClean: true)
        for _ in 0..<ReplyLists.perSet {
            let (list, isNew) = lists.lease(for: "q")
            #expect(!isNew && !before.contains(list.name))
        }
        let after = lists.arm(0)
        #expect(after.contains(busy.name), "what comes late is taken away")
        #expect(lists.sets == 1)
    }

    /// Whoever was told a list could answer by it what is asked elsewhere.
    @Test func aReplyListServesOneQueueAlone() {
        var lists = ReplyLists(base: ReplyNames.makeBase())
        var told: [QueueName: Set<String>] = [:]
        for number in 0..<1_000 {
            let queue = QueueName("service.\(number % 100)")
            let list = lists.lease(for: queue).list
            told[queue, default: []].insert(list.name)
            lists.giveBack(list, isClean: true)
        }
        #expect(lists.sets == 1, "one call at a time needs no more, however many are asked")
        let all = told.values.flatMap { $0 }
        #expect(Set(all).count == all.count)
        #expect(all.count > 100, "the longest unused make room")
        var few = ReplyLists(base: ReplyNames.makeBase())
        for number in 0..<1_000 {
            let (list, isNew) = few.lease(for: QueueName("service.\(number % 64)"))
            #expect(isNew == (number == 0), "what is asked again and again costs nothing more")
            few.giveBack(list, isClean: true)
        }
    }

    @Test func noReplyListTellsAnother() {
        let base = ReplyNames.makeBase()
        var lists = ReplyLists(base: base)
        let names = (0..<1_000).map { _ in lists.lease().list.name }
        for (name, next) in zip(names, names.dropFirst()) {
            let (ending, other) = (name.dropFirst(base.count + 3), next.dropFirst(base.count + 3))
            #expect(ending.count == 16, "64 random bits")
            #expect(zip(ending, other).prefix { $0 == $1 }.count < 9)
        }
        #expect(Set(names).count == names.count)
    }

    @Test func onlyMartletsAddressesHaveAChannel() {
        let base = ReplyNames.makeBase()
        #expect(ReplyNames.channel(of: ReplyNames.makeList(base)) == base)
        for foreign in ["rpc-0123456789abcdef0123456789abcdef", "", "{rpc-}-1", "{rpc-", "{rpc-x}", "{\(base)}7"] {
            #expect(ReplyNames.channel(of: foreign) == nil, "\(foreign)")
        }
    }

    @Test func aGreetingTellsWhatWasRefused() throws {
        var options = RedisOptions()
        options.username = "alice"
        options.password = "x"
        options.database = 2
        func greeting() -> Greeting { Greeting(options, name: "me", needsMaster: true) }
        #expect(
            String(decoding: greeting().bytes, as: UTF8.self)
                == "*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$1\r\nx\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"
                + "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n*1\r\n$5\r\nHELLO\r\n"
        )
        var good = greeting()
        for (reply, isLast) in [
            (.status("OK"), false), (.status("OK"), false), (.error(RedisError("NOPERM no")), false),
            (hello(role: "master", mode: "standalone"), true),
        ] as [(RedisValue, Bool)] {
            let wasLast = try good.received(reply)
            #expect(wasLast == isLast)
        }
        #expect(good.server == Greeting.Server(clientID: 9, version: 7, isReplica: false, isCluster: false))
        #expect(Greeting.Server(hello: .error(RedisError("ERR unknown command"))) == Greeting.Server())
        // What a node of a cluster keeps is known from its answers.
        #expect(!Greeting.Server(hello: hello(role: "replica", mode: "cluster")).isReplica)
        let refusal = #expect(throws: MessagingError.self) {
            var greeting = Greeting(RedisOptions(), name: "me", needsMaster: true)
            _ = try greeting.received(.status("OK"))
            _ = try greeting.received(hello(role: "replica", mode: "standalone"))
        }
        #expect(refusal?.code == .refused && refusal?.isRetriable == true)
        for (text, isRetriable) in [
            ("WRONGPASS no", false), ("NOAUTH no", false), ("ERR max number of clients reached", true),
            ("LOADING later", true),
        ] {
            let error = #expect(throws: MessagingError.self) {
                var greeting = greeting()
                _ = try greeting.received(.error(RedisError(text)))
            }
            #expect(error?.code == .refused)
            #expect(error?.isRetriable == isRetriable, "\(text)")
        }
    }

    private func hello(role: String, mode: String) -> RedisValue {
        let words = ["server", "redis", "version", "7.0.15", "proto", "2", "id", "9", "mode", mode, "role", role]
        return .array(words.map { .bytes(Array($0.utf8)) } + [.bytes(Array("modules".utf8)), .array([])])
    }

    /// Whether an error passes, and whether it is this server's alone, is known in one place.
    @Test func errorsSayWhetherToAskAgain() {
        for (text, outlook) in [
            ("NOPERM no", .final), ("WRONGTYPE no", .final), ("ERR no", .final), ("", .final), ("BUSYGROUP no", .final),
            ("CROSSSLOT no", .final), ("ERR unknown command 'x: -READONLY'", .final), ("busy no", .final),
            ("LOADING x", .passing), ("BUSY x", .passing), ("TRYAGAIN x", .passing), ("CLUSTERDOWN x", .passing),
            ("OOM x", .passing), ("NOREPLICAS x", .passing), ("MISCONF x", .passing), ("ASK 1 127.0.0.1:1", .passing),
            ("ERR max number of clients reached", .passing), ("READONLY x", .elsewhere), ("UNBLOCKED x", .elsewhere),
            ("MASTERDOWN x", .elsewhere), ("MOVED 1 127.0.0.1:1", .moved),
            ("ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY x", .elsewhere),
            ("ERR Error running script (call to f_1): @user_script:1: boom", .final),
            ("EXECABORT Transaction discarded because of: NOREPLICAS x", .passing),
            ("EXECABORT Transaction discarded because of previous errors.", .final),
        ] as [(String, RedisError.Outlook)] {
            let error = RedisError(text)
            #expect(error.outlook == outlook, "\(text)")
            #expect(error.asMessagingError("x").isRetriable == (outlook != .final), "\(text)")
        }
        #expect(RedisError.unread("x").asMessagingError("x").code == .bodyTooLarge)
        #expect(RedisError.unread("x").outlook == .final)
    }

    @Test func theServersTimeGoesOnWhenTheTimeOfDayIsSet() {
        let (steady, wall) = (Shared<Int64>(0), Shared<Int64>(1_700_000_000_000_000_000))
        let clock = ServerClock(
            ServerClock.Source {
                steady.value
            } wall: {
                wall.value
            }
        )
        func read(_ time: Int64) {
            clock.set(
                .array([.integer(time / 1_000_000_000), .integer(time / 1_000 % 1_000_000)]),
                asked: steady.value,
                answered: steady.value
            )
        }
        let second: Int64 = 1_000_000_000
        read(wall.value)
        let end = clock.end(of: .seconds(600))
        wall.value += 3_600 * second
        #expect(!clock.isOver(end))
        #expect(abs(clock.end(of: .seconds(600)) - end) < second)
        steady.value += 599 * second
        #expect(!clock.isOver(end))
        steady.value += 2 * second
        #expect(clock.isOver(end))
        // The server's own clock was set: what it says now counts.
        read(1_700_000_000 * second)
        #expect(!clock.isOver(end))
        // A reading that is no closer changes nothing; but in time the old one is worth less.
        #expect(clock.uncertainty ?? .zero < .milliseconds(1))
        steady.value += 3_600 * second
        #expect(clock.uncertainty ?? .zero > .milliseconds(500))
        clock.forget()
        #expect(clock.uncertainty == nil && !clock.isOver(0))
    }

    @Test func clocksAreComparedNoMoreExactlyThanIsKnown() {
        let steady = Shared<Int64>(0)
        let clock = ServerClock(
            ServerClock.Source {
                steady.value
            } wall: {
                WallClock.nanoseconds
            }
        )
        #expect(!clock.isOver(0), "a clock that is not known tells nothing")
        let now: Int64 = 1_000_000_000_000
        // An hour ahead, and the answer took a second.
        let ahead = now + 3_600_000_000_000
        let reply = RedisValue.array([.integer(ahead / 1_000_000_000), .integer(ahead / 1_000 % 1_000_000)])
        steady.value = now + 500_000_000
        clock.set(reply, asked: now - 500_000_000, answered: now + 500_000_000)
        #expect(clock.uncertainty ?? .zero > .milliseconds(499))
        steady.value = now
        #expect(!clock.isOver(ahead - 400_000_000))
        #expect(clock.isOver(ahead - 700_000_000))
        #expect(!clock.isOver(clock.end(of: .milliseconds(1))))
        for hostile in [
            .null, .array([]), .array([.integer(.max), .integer(0)]), .array([.integer(-1), .integer(5)]),
        ]
            as [RedisValue]
        {
            clock.set(hostile, asked: now, answered: now)
        }
        #expect(clock.isOver(ahead - 700_000_000), "what is no time changes nothing")
    }

    @Test func aClusterSaysWhereKeysAre() throws {
        let first = Endpoint.tcp(try #require(SocketAddress(numeric: "127.0.0.1", port: 1)), host: "localhost")
        var table = SlotTable()
        func expectLearned(_ expected: Bool, _ table: inout SlotTable, _ error: RedisError) {
            let isLearned = table.learn(from: error, first: first)
            #expect(isLearned == expected, "\(error)")
        }
        expectLearned(true, &table, RedisError("MOVED 7 127.0.0.1:2"))
        #expect(table[7]?.description == "localhost at 127.0.0.1:2")
        #expect(table[8] == nil)
        expectLearned(true, &table, RedisError("MOVED 7 :3"))
        #expect(table[7]?.description == "localhost at 127.0.0.1:3")
        expectLearned(true, &table, RedisError("MOVED 7 ?:5"))
        #expect(table[7]?.description == "localhost at 127.0.0.1:5")
        for text in ["MOVED 9 ::1:4", "MOVED 9 [::1]:4"] {
            expectLearned(true, &table, RedisError(text))
            #expect(table[9]?.description == "localhost at [::1]:4")
        }
        expectLearned(true, &table, RedisError("MOVED 9 node-2.example:6"))
        #expect(table[9]?.description == "node-2.example:6")
        #expect(table[9]?.host == "node-2.example", "which is what its certificate is for")
        expectLearned(true, &table, RedisError("MOVED 9 localhost:1"))
        #expect(table[9] == nil, "back where it began, called by its name")
        expectLearned(true, &table, RedisError("MOVED 7 127.0.0.1:1"))
        #expect(table[7] == nil, "back where it began")
        for text in [
            "MOVED", "MOVED 1", "MOVED x 127.0.0.1:2", "MOVED 16384 127.0.0.1:2", "MOVED 1 ho\0st:2", "ASK 1 :2",
            "MOVED 1 127.0.0.1:99999", "MOVED 1 127.0.0.1:", "MOVED 1 host:0", "MOVED 1 ho/st:2", "MOVED 1 [host:2",
        ] {
            expectLearned(false, &table, RedisError(text))
        }
    }

    @Test func clientsAreFoundByTheirNames() {
        let list = "id=3 addr=1.1.1.1:1 name=a-1 age=0\nid=41 addr=1.1.1.1:2 name=a age=0\r\n\n"
        #expect(ClientList.id(ofClientCalled: "a", in: list) == "41")
        #expect(ClientList.id(ofClientCalled: "b", in: list) == nil)
    }

    // MARK: URLs

    @Test func urlsSayEverything() throws {
        let plain = try RedisOptions(url: "redis://localhost")
        #expect(plain.servers == [.tcp(host: "localhost", port: 6_379)])
        #expect(plain.password == nil && plain.tls == nil && plain.database == 0)
        let full = try RedisOptions(
            url: "rediss://alice:p%40ss@one,two:7000/3?name=me&timeout=2s&keepalive=0&lease=5s&dlq=.dead&verify=none"
        )
        #expect(full.servers == [.tcp(host: "one", port: 6_379), .tcp(host: "two", port: 7_000)])
        #expect(full.username == "alice" && full.password == "p@ss" && full.database == 3)
        #expect(full.connection.name == "me" && full.connectTimeout == .seconds(2) && full.keepAlive == nil)
        #expect(
            full.lease == .seconds(5) && full.deadLetterSuffix == ".dead"
                && full.tls?.verification == TLSOptions.Verification.none
        )
        let password = try RedisOptions(url: "redis://:secret@[::1]:1/")
        #expect(password.username == nil && password.password == "secret" && password.database == 0)
        let unix = try RedisOptions(url: "unix:///run/redis.sock?db=2")
        #expect(unix.servers == [.unix(path: "/run/redis.sock")] && unix.database == 2)
    }

    @Test(arguments: [
        "http://localhost", "redis://", "redis://host/x", "redis://host/99999", "redis://host:0", "redis://host?nope=1",
        "redis://alice@host", "redis://host?cafile=x", "unix://", "redis://host?lease=0", "redis://host?name=a%20b",
        "redis://host?dlq=",
    ])
    func urlsThatMeanNothingAreErrors(_ url: String) {
        let error = #expect(throws: MessagingError.self) { try RedisOptions(url: url) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func aPasswordIsShownNowhere() throws {
        struct Holder { var options: RedisOptions? }
        var options = try RedisOptions(url: "rediss://user:s3sam3@h?certfile=/c&keypassword=s3sam3")
        #expect(options.password == "s3sam3")
        for _ in 0..<2 {
            var dumped = ""
            dump(Holder(options: options), to: &dumped)
            let children = Mirror(reflecting: options).children.map { "\($0.value)" }.joined()
            for text in ["\(options)", String(reflecting: options), "\(Holder(options: options))", dumped, children] {
                #expect(!text.contains("s3sam3"))
                #expect(text.contains("***"))
            }
            options.password = "s3sam3!"
        }
        options.password = nil
        #expect(options.password == nil)
    }
}
