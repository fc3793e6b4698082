import Foundation
import IntegrationSupport
import Martlet
import MartletService
import MartletTesting
import Testing

@testable import MartletHomeAssistant

@Suite("A device for Home Assistant", .timeLimit(.minutes(2)))
struct DeviceTests {
    let broker = MemoryBroker()
    let folder: TemporaryFolder
    let scope: ServiceScope

    init() throws {
        folder = try TemporaryFolder("home")
        scope = ServiceScope(
            name: "demo",
            online: TopicName(mqtt: "service/demo/online"),
            announcements: folder.path("demo.announced.json")
        )
    }

    /// Runs devices as a service does.
    private func withDevices(
        _ devices: [Device],
        scope: ServiceScope? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: @escaping @Sendable (MemoryConnection) async throws -> Void
    ) async throws {
        let link = try await broker.connect(options: ConnectionOptions(name: "demo", clock: clock))
        let scope = scope ?? self.scope
        let node = Node("demo", on: link, options: NodeOptions(heartbeat: nil, base: scope.base)) {
            devices
            scope.companions(of: devices)
        }
        // A machine that has much to do takes its time over this many handlers.
        try await node.whileRunning(readyWithin: .seconds(100)) { try await body(link) }
        await link.close()
    }

    /// The next message on a topic, as text.
    private func next(_ deliveries: Subscription, on topic: String) async throws -> String {
        while let delivery = try await deliveries.next() {
            if delivery.topic.mqtt == topic { return delivery.message.text ?? "?" }
        }
        throw ServerError("there was nothing on \(topic)")
    }

    /// Returns when a topic says something. What it has said before may come again, with the announcement.
    private func wait(for text: String, on topic: String, _ deliveries: Subscription) async throws {
        while try await next(deliveries, on: topic) != text {}
    }

    private static let topic = "homeassistant/device/demo_Green-house/config"

    @Test func `is announced, retained, with the states that were reported before`() async throws {
        let house = HouseUnderTest()
        try await house.temperature.report(21.55555)
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern("#"))
        try await withDevices([house.device()]) { _ in
            let text = try await next(deliveries, on: Self.topic)
            #expect(DiscoveryRules.complaints(of: Self.topic, try Martlet.JSON(parsing: text)) == [])
            #expect(try await next(deliveries, on: "service/demo/temperature") == "21.5556")
        }
        let later = try await observer.subscribe(to: TopicPattern("#"))
        #expect(try await later.next()?.isRetained == true)
        await observer.close()
    }

    @Test func `reports`() async throws {
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern("service.#"))
        try await withDevices([house.device()]) { _ in
            func expect(_ topic: String, _ text: String, isKept: Bool = true, _ line: Int = #line) async throws {
                #expect(try await next(deliveries, on: "service/demo/\(topic)") == text, "line \(line)")
                let late = try await observer.subscribe(to: TopicPattern(mqtt: "service/demo/\(topic)"))
                try await observer.publish(Message("end"), to: TopicName(mqtt: "service/demo/\(topic)"))
                #expect((try await late.next()?.isRetained == true) == isKept, "line \(line)")
                late.finish()
                try await wait(for: "end", on: "service/demo/\(topic)", deliveries)
            }
            try await house.weather.report("rain")
            try await expect("weather", "rain")
            try await house.pressure.report(1_013)
            try await expect("pressure", "1013", isKept: false)
            try await house.door.report(true)
            try await expect("door", "1", isKept: false)
            try await house.bell.report("ring", ["times": 2])
            try await expect("bell", "{\"event_type\":\"ring\",\"times\":2}", isKept: false)
            await #expect(throws: MessagingError.self) { try await house.bell.report("bark") }
            try await house.car.report("home")
            try await expect("car/state", "home")
            try await house.bag.report(latitude: 52.5, longitude: 13.25, accuracy: 10)
            try await expect("bag", "{\"gps_accuracy\":10,\"latitude\":52.5,\"longitude\":13.25}")
            try await house.picture.report([0x89, 0x50])
            #expect(try await deliveries.next()?.message.body == [0x89, 0x50])
            try await house.key.fire()
            try await expect("key", "short", isKept: false)
        }
        await observer.close()
    }

    static let commands: [(topic: String, text: String, command: String?, state: String?, value: String?)] = [
        ("pump/command", "on", "pump true", "pump/state", "on"),
        ("pump/command", "maybe", nil, nil, nil),
        ("target/command", "21.5", "target 21.5", "target/state", "21.5"),
        ("target/command", "34", "target 34.0", "target/state", "30"),
        ("target/command", "36", nil, nil, nil),
        ("target/command", "nan", nil, nil, nil),
        ("target/command", "13", nil, nil, nil),
        ("label/command", "basil", "label basil", "label/state", "basil"),
        ("label/command", "", nil, nil, nil),
        ("mode/command", "eco", "mode eco", "mode/state", "eco"),
        ("mode/command", "party", nil, nil, nil),
        ("restart", "PRESS", "restart", nil, nil),
        ("restart", "press", nil, nil, nil),
        ("firmware/command", "install", "install", nil, nil),
        ("blind/command", "STOP", "blind stop", nil, nil),
        ("blind/set_position", "40", "blind move(to: 40)", nil, nil),
        ("blind/set_position", "101", nil, nil, nil),
        ("water/command", "OPEN", "water open", nil, nil),
        ("gas/command", "70", "gas move(to: 70)", nil, nil),
        ("gate/command", "OPEN", "gate open", "gate/state", "OPENING"),
        ("gate/command", "UNLOCK", "gate unlock", "gate/state", "UNLOCKED"),
        ("fan/command", "ON", "fan power(true)", "fan/state", "ON"),
        ("fan/percentage/command", "55", "fan speed(55)", "fan/percentage/state", "55"),
        ("fan/preset_mode/command", "night", "fan preset(\"night\")", "fan/preset_mode/state", "night"),
        ("fan/preset_mode/command", "day", nil, nil, nil),
        (
            "fan/oscillation/command", "oscillate_on", "fan oscillation(true)", "fan/oscillation/state", "oscillate_on"
        ),
        ("fan/direction/command", "reverse", "fan forward(false)", "fan/direction/state", "reverse"),
        (
            "lamp/command", "{\"state\":\"ON\",\"brightness\":100}", "lamp true 100", "lamp/state",
            "{\"brightness\":100,\"state\":\"ON\"}"
        ),
        ("lamp/command", "ON", nil, nil, nil),
        ("spot/command", "{\"state\": \"OFF\"}", nil, "spot/state", "{\"state\":\"OFF\"}"),
        ("heating/mode/command", "heat", "heating mode(\"heat\")", "heating/mode/state", "heat"),
        ("heating/mode/command", "melt", nil, nil, nil),
        ("heating/preset_mode/command", "away", "heating preset(\"away\")", "heating/preset_mode/state", "away"),
        ("heating/preset_mode/command", "none", "heating preset(\"none\")", "heating/preset_mode/state", "none"),
        ("heating/mode/command", "none", nil, nil, nil),
        ("cooling/preset_mode/command", "none", nil, nil, nil),
        ("heating/temperature/command", "21", "heating temperature(21.0)", "heating/temperature/state", "21"),
        ("heating/temperature/command", "31", nil, nil, nil),
        ("heating/target_humidity/command", "50", "heating humidity(50.0)", "heating/target_humidity/state", "50"),
        ("heating/power/command", "OFF", "heating power(false)", nil, nil),
        (
            "cooling/temperature_low/command", "18", "cooling lowTemperature(18.0)", "cooling/temperature_low/state",
            "18"
        ),
    ]

    @Test(arguments: commands.indices)
    func `obeys`(index: Int) async throws {
        let (topic, text, command, state, value) = Self.commands[index]
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "service/demo/#"))
        try await withDevices([house.device()]) { _ in
            try await observer.publish(Message(text), to: TopicName(mqtt: "service/demo/\(topic)"))
            if let state {
                #expect(try await next(deliveries, on: "service/demo/\(state)") == value)
            }
            // Another entity's answer comes after this one's.
            try await observer.publish(Message("off"), to: TopicName(mqtt: "service/demo/pump/command"))
            try await wait(for: "off", on: "service/demo/pump/state", deliveries)
            while house.commands.count < (command == nil ? 1 : 2) { try await Task.sleep(for: .milliseconds(2)) }
            #expect(Set(house.commands) == Set([command, "pump false"].compactMap { $0 }))
        }
        await observer.close()
    }

    @Test func `says that it does not know, and has the broker forget nothing`() async throws {
        let house = HouseUnderTest()
        let level = Sensor("Level", at: "level", of: Double?.self)
        let note = Sensor("Note", at: "note", of: String.self)
        let pump = Switch("Pump", at: "known/pump") { _ in }
        let target = Number("Target", at: "known/target", in: 0...1) { $0 }
        let label = Text("Label", at: "known/label") { $0 }
        let mode = Select("Mode", at: "known/mode", of: ["eco"]) { $0 }
        let blind = Cover("Blind", at: "known/blind") { _ in }
        let water = Valve("Water", at: "known/water") { _ in }
        let gas = Valve("Gas", at: "known/gas", hasPosition: true) { _ in }
        let gate = Lock("Gate", at: "known/gate", canOpen: true) { _ in .opening }
        let heating = Climate("Heating", at: "known/heating", modes: ["off"], measuresHumidity: true, saysAction: true)
        { _ in }
        let entities: [any Entity] = [
            house.door, house.car, house.picture, level, note, pump, target, label, mode, blind, water, gas, gate,
            heating,
        ]
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "service/demo/#"))
        try await withDevices([house.device("Green house", entities)]) { _ in
            func expect(_ topic: String, _ text: String = "None", _ line: Int = #line) async throws {
                #expect(try await next(deliveries, on: "service/demo/\(topic)") == text, "line \(line)")
            }
            try await level.report(1)
            try await expect("level", "1")
            try await level.report(nil)
            try await expect("level")
            // The broker still has something to tell.
            let late = try await observer.subscribe(to: TopicPattern(mqtt: "service/demo/level"))
            #expect(try await late.next()?.message.text == "None")
            try await note.report("")
            try await expect("note")
            try await house.door.report(nil)
            try await expect("door")
            try await house.car.report(nil)
            try await expect("car/state")
            try await pump.report(nil)
            try await expect("known/pump/state")
            try await target.report(nil)
            try await expect("known/target/state")
            try await mode.report(nil)
            try await expect("known/mode/state")
            try await blind.report(nil)
            try await expect("known/blind/state")
            try await water.report(nil)
            try await expect("known/water/state")
            try await gas.report(nil)
            try await expect("known/gas/state")
            try await gate.report(nil)
            try await expect("known/gate/state")
            try await heating.report(currentTemperature: nil)
            try await expect("known/heating/current_temperature")
            try await heating.report(currentHumidity: nil)
            try await expect("known/heating/current_humidity")
            try await heating.report(action: nil)
            try await expect("known/heating/action")
            // Of a text that has no characters is a value.
            try await label.report("")
            try await expect("known/label/state", "")
            await #expect(throws: MessagingError.self) { try await house.picture.report([]) }
        }
        await observer.close()
    }

    @Test func `tells of an update only what Home Assistant takes`() async throws {
        let update = Update("Firmware", at: "firmware")
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "service/demo/firmware"))
        try await withDevices([Device("Pi") { update }]) { _ in
            let error = await #expect(throws: MessagingError.self) {
                try await update.report(installed: "1", latest: "2", url: "house/news")
            }
            #expect("\(try #require(error))".contains("'Firmware' has the URL \"house/news\""))
            for progress in [-1, 101] {
                await #expect(throws: MessagingError.self) {
                    try await update.report(installed: "1", latest: "2", progress: progress)
                }
            }
            try await update.report(installed: "1", latest: "2", progress: 100, url: "https://house/news")
            let state = try Martlet.JSON(parsing: try await next(deliveries, on: "service/demo/firmware"))
            #expect(state["release_url"] == "https://house/news" && state["update_percentage"] == 100)
        }
        await observer.close()
    }

    @Test func `gives Home Assistant time to listen before it says what is not kept`() async throws {
        let clock = TestClock()
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern("#"))
        try await withDevices([house.device("Green house", [house.pressure, house.temperature])], clock: clock) { _ in
            _ = try await next(deliveries, on: Self.topic)
            try await house.pressure.report(1_000)
            try await house.temperature.report(20)
            #expect(try await next(deliveries, on: "service/demo/temperature") == "20")
            clock.advance(by: .seconds(10))
            try await observer.publish(Message("online"), to: TopicName(mqtt: "homeassistant/status"))
            try await clock.waitForSleepers(count: 1)
            clock.advance(by: .seconds(5))
            var topics: [String] = []
            while topics.last != "service/demo/temperature", let delivery = try await deliveries.next() {
                topics.append(delivery.topic.mqtt)
            }
            try #require(topics == ["homeassistant/status", Self.topic, "service/demo/temperature"])
            try await clock.waitForSleepers(count: 1)
            clock.advance(by: .seconds(1))
            #expect(try await deliveries.next()?.topic.mqtt == "service/demo/pressure")
        }
        await observer.close()
    }

    @Test func `stops at once while it gives that time`() async throws {
        let clock = TestClock()
        let house = HouseUnderTest()
        try await house.pressure.report(1_000)
        // Time stands still: what waited for it would never end.
        try await withDevices([house.device("Green house", [house.pressure])], clock: clock) { _ in
            try await clock.waitForSleepers(count: 1)
        }
    }

    @Test func `hears of a start where Home Assistant was set to say it`() async throws {
        let clock = TestClock()
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "homeassistant/#"))
        let scope = ServiceScope(
            name: "demo",
            birthTopic: TopicName(mqtt: "ha/birth"),
            birthPayload: "hello",
            announcements: folder.path("demo.announced.json")
        )
        try await withDevices([house.device()], scope: scope, clock: clock) { _ in
            _ = try await next(deliveries, on: Self.topic)
            clock.advance(by: .seconds(10))
            try await observer.publish(Message("hello"), to: TopicName(mqtt: "ha/birth"))
            try await clock.waitForSleepers(count: 1)
            clock.advance(by: .seconds(5))
            _ = try await next(deliveries, on: Self.topic)
        }
        await observer.close()
    }

    @Test func `is announced again when Home Assistant has started, once, with its states`() async throws {
        let clock = TestClock()
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let birth = TopicName(mqtt: "homeassistant/status")
        // It was there before: that says nothing.
        try await observer.publish(Message("online"), to: birth, options: PublishOptions(retain: true))
        let deliveries = try await observer.subscribe(to: TopicPattern("#"))
        try await withDevices([house.device()], clock: clock) { _ in
            _ = try await next(deliveries, on: Self.topic)
            try await house.temperature.report(20)
            try await house.pressure.report(1_000)
            try await house.key.fire()
            #expect(try await next(deliveries, on: "service/demo/key") == "short")
            clock.advance(by: .seconds(60))
            for _ in 0..<2 { try await observer.publish(Message("online"), to: birth) }
            try await observer.publish(Message("offline"), to: birth)
            try await observer.publish(Message("1"), to: TopicName(mqtt: "service/demo/end"))
            _ = try await next(deliveries, on: "service/demo/end")
            // The announcement waits for the time, which does not pass by itself.
            try await clock.waitForSleepers(count: 1)
            clock.advance(by: .milliseconds(5_100))
            var topics: [String] = []
            while topics.last != "service/demo/temperature", let delivery = try await deliveries.next() {
                topics.append(delivery.topic.mqtt)
            }
            // The pressure is too old by now, and the key is pressed no more.
            #expect(topics == [Self.topic, "service/demo/temperature"])
            clock.advance(by: .seconds(60))
            try await observer.publish(Message("2"), to: TopicName(mqtt: "service/demo/end"))
            #expect(try await deliveries.next()?.topic.mqtt == "service/demo/end")
        }
        await observer.close()
    }

    @Test func `takes back what an earlier run had`() async throws {
        let clock = TestClock()
        let house = HouseUnderTest()
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "homeassistant/#"))
        let old = Device("Shed") { BinarySensor("Light", at: "light") }
        let loose = Device.standalone { Button("Reset", at: "reset") {} }
        try await withDevices([house.device("Green house", [house.temperature, house.door]), old, loose]) { _ in
            _ = try await next(deliveries, on: Self.topic)
            _ = try await next(deliveries, on: "homeassistant/button/demo__button_Reset/config")
        }
        let name = "demo_Green-house__binary_sensor_Door"
        try await withDevices([house.device("Green house", [house.temperature])], clock: clock) { _ in
            #expect(try await next(deliveries, on: "homeassistant/button/demo__button_Reset/config") == "")
            #expect(try await next(deliveries, on: "homeassistant/device/demo_Shed/config") == "")
            let first = try Martlet.JSON(parsing: try await next(deliveries, on: Self.topic))
            #expect(first["components"]?.object?.count == 2)
            #expect(first["components", .key(name)] == ["platform": "binary_sensor"])
            #expect(DiscoveryRules.complaints(of: Self.topic, first) == [])
            try await clock.waitForSleepers(count: 1)
            clock.advance(by: .seconds(5))
            let second = try Martlet.JSON(parsing: try await next(deliveries, on: Self.topic))
            #expect(second["components"]?.object?.keys.sorted() == ["demo_Green-house__sensor_Temperature"])
        }
        // The third run has nothing to take back.
        try await withDevices([house.device("Green house", [house.temperature])]) { _ in
            let only = try Martlet.JSON(parsing: try await next(deliveries, on: Self.topic))
            #expect(only["components"]?.object?.count == 1)
        }
        await observer.close()
    }

    @Test func `works where nothing can be remembered`() async throws {
        let house = HouseUnderTest()
        let scope = ServiceScope(name: "demo", announcements: "/proc/nowhere/demo.json")
        let observer = try await broker.connect()
        let deliveries = try await observer.subscribe(to: TopicPattern(mqtt: "homeassistant/#"))
        let link = try await broker.connect()
        let devices = [house.device()]
        let node = Node("demo", on: link, options: NodeOptions(heartbeat: nil, base: scope.base)) {
            devices
            scope.companions(of: devices)
        }
        try await node.whileRunning { _ = try await next(deliveries, on: Self.topic) }
        await link.close()
        await observer.close()
    }
}
