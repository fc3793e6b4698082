import Martlet
import MartletService
import Testing

@testable import MartletHomeAssistant

@Suite("What Home Assistant is told")
struct DiscoveryDocumentTests {
    static let scope = ServiceScope(name: "demo", online: TopicName(mqtt: "service/demo/online"), announcements: "")
    static let availability: Martlet.JSON = [
        ["topic": "service/demo/online", "payload_available": "1", "payload_not_available": "0"]
    ]
    let house = HouseUnderTest()

    private func documents(_ devices: Device...) throws -> [DiscoveryDocument] {
        try DiscoveryDocument.documents(of: devices, in: Self.scope)
    }

    @Test func `of all kinds of entities keeps to its rules`() throws {
        let document = try #require(try documents(house.device()).first)
        #expect(document.topic.mqtt == "homeassistant/device/demo_Green-house/config")
        #expect(DiscoveryRules.complaints(of: document.topic.mqtt, document.content) == [])
        #expect(Set(document.components.values).count == 18)
        #expect(document.content["components"]?.object?.count == house.entities.count)
    }

    @Test func `of entities without a device keeps to them, too`() throws {
        let documents = try documents(
            Device.standalone(setsEntityIDs: true) { house.entities.filter { !($0 is DeviceTrigger) } }
        )
        #expect(documents.count == house.entities.count - 1)
        for document in documents {
            #expect(DiscoveryRules.complaints(of: document.topic.mqtt, document.content) == [])
            #expect(document.content["origin", "name"] == "Martlet service demo")
            #expect(document.content["availability"] == Self.availability)
        }
        #expect(documents.first?.topic.mqtt == "homeassistant/sensor/demo__sensor_Temperature/config")
    }

    @Test func `is a device with IDs and topics`() throws {
        let device = house.device("Green house", [house.temperature, Switch("Pump", at: "pump") { _ in }])
        let content = try #require(try documents(device).first).content
        #expect(
            content["device"] == [
                "name": "Green house", "model": "Pi", "model_id": "5", "manufacturer": "Acme", "sw_version": "1.0",
                "serial_number": "7", "suggested_area": "Garden", "configuration_url": "https://house.example:8443/",
                "connections": [["mac", "02:5b:26:a8:dc:12"]], "identifiers": ["demo_Green-house"],
            ]
        )
        #expect(content["availability"] == Self.availability)
        #expect(
            content["components"] == [
                "demo_Green-house__sensor_Temperature": [
                    "platform": "sensor", "name": "Temperature", "unique_id": "demo_Green-house__sensor_Temperature",
                    "state_topic": "service/demo/temperature", "unit_of_measurement": "°C",
                    "device_class": "temperature", "state_class": "measurement", "suggested_display_precision": 1,
                ],
                "demo_Green-house__switch_Pump": [
                    "platform": "switch", "name": "Pump", "unique_id": "demo_Green-house__switch_Pump",
                    "state_topic": "service/demo/pump/state", "command_topic": "service/demo/pump/command",
                    "payload_on": "on", "payload_off": "off",
                ],
            ]
        )
    }

    @Test func `has topics of an entity's own`() throws {
        let topics = EntityTopics("pump", ["state_topic": "pump", "command_topic": .global("house/pump/set")])
        let options = EntityOptions(
            uniqueID: "old-pump",
            entityID: "switch.pump_1",
            icon: "mdi:pump",
            category: .configuration,
            isEnabledByDefault: false,
            attributes: "pump/more",
            guarantee: .atLeastOnce,
            more: ["optimistic": true]
        )
        let device = Device("a.b") { Switch("Pump", at: topics, options: options) { _ in } }
        let document = try #require(try documents(device).first)
        #expect(DiscoveryRules.complaints(of: document.topic.mqtt, document.content) == [])
        #expect(
            document.content["components", "old-pump"] == [
                "platform": "switch", "name": "Pump", "unique_id": "old-pump", "default_entity_id": "switch.pump_1",
                "icon": "mdi:pump", "entity_category": "config", "enabled_by_default": false, "qos": 1,
                "optimistic": true, "state_topic": "service/demo/pump", "command_topic": "house/pump/set",
                "json_attributes_topic": "service/demo/pump/more", "payload_on": "on", "payload_off": "off",
            ]
        )
    }

    @Test(arguments: [
        ("Küche 1", "K-che-1"), ("--a--", "a"), ("a/b+#", "a-b"), ("e\u{301}", "e"), ("日本", ""), ("a_b-c", "a_b-c"),
    ])
    func `has names as its topics may have them`(name: String, clean: String) {
        #expect(DiscoveryName.clean(name) == clean)
    }

    @Test func `has a main entity that is called as the device`() throws {
        let pump = Switch("Pump", at: "pump", options: EntityOptions(isMain: true)) { _ in }
        let document = try #require(try documents(Device("Pump") { pump }).first)
        #expect(DiscoveryRules.complaints(of: document.topic.mqtt, document.content) == [])
        #expect(document.content["components", "demo_Pump__switch_Pump", "name"] == .null)
    }

    @Test func `says of an entity without a device whether it is there, as the entity likes`() throws {
        let options = EntityOptions(more: ["availability_topic": "a/b"])
        let reset = Button("Reset", at: "reset", options: options) {}
        let document = try #require(try documents(Device.standalone { reset }).first)
        #expect(document.content["availability"] == nil)
        #expect(document.content["availability_topic"] == "a/b")
        #expect(DiscoveryRules.complaints(of: document.topic.mqtt, document.content) == [])
    }

    // MARK: Refusals

    private static func sensor(
        unit: String? = nil,
        _ deviceClass: String? = nil,
        _ stateClass: String? = nil,
        precision: Int? = nil,
        values: [String]? = nil,
        options: EntityOptions = EntityOptions()
    ) -> Sensor<Double> {
        Sensor(
            "Room",
            at: "room",
            unit: unit,
            deviceClass: deviceClass,
            stateClass: stateClass,
            precision: precision,
            values: values,
            options: options
        )
    }

    private static func climate(
        modes: [String] = ["heat"],
        presets: [String] = [],
        humidity: ClosedRange<Double>? = nil
    ) -> Climate {
        Climate("Room", at: "room", modes: modes, presets: presets, humidity: humidity) { _ in }
    }

    /// A text of one character, which a literal can't hold if it is none.
    private static func text(_ code: UInt32) -> String { Unicode.Scalar(code).map { String(Character($0)) } ?? "" }

    static let refused: [(entity: any Entity, complaint: String)] = [
        (sensor(options: EntityOptions(category: .configuration)), "is no setting: make its category .diagnostic"),
        (BinarySensor("Room", at: "room", options: EntityOptions(category: .configuration)), "is no setting"),
        (sensor(values: []), "has a list of values without any"),
        (sensor(unit: "m", values: ["a"]), "has words for values, and so neither a unit nor a state class"),
        (sensor(nil, "measurement", values: ["a"]), "has words for values, and so neither a unit nor a state class"),
        (
            sensor(values: ["a"], options: EntityOptions(deviceClass: "timestamp")),
            "has words for values, and so the device class 'enum': leave 'timestamp' out"
        ),
        (sensor(unit: "%", nil, "measurement_angle"), "has the state class 'measurement_angle', and so the unit '°'"),
        (
            sensor(unit: "C", "temperature"),
            "has the unit 'C', but the units of the device class 'temperature' are '°C', '°F', 'K': take one of them"
        ),
        (sensor(unit: "x", "aqi"), "the units of the device class 'aqi' are none"),
        (sensor(unit: "C", options: EntityOptions(deviceClass: "temperature")), "has the unit 'C'"),
        (sensor(precision: -1), "shows -1 decimals"),
        (sensor(options: EntityOptions(icon: "eye")), "has the icon 'eye', which is of no set: write it as 'mdi:"),
        (sensor(""), "has a 'device_class' that is an empty text"),
        (sensor(nil, ""), "has a 'state_class' that is an empty text"),
        (Number("Room", at: "room", in: 0...1, step: 0.0001) { $0 }, "has steps of 0.0001: 0.001 is the least"),
        (Number("Room", at: "room", in: 0...(.infinity)) { $0 }, "has a 'max' that is not finite"),
        (Text("Room", at: "room", length: 0...256) { $0 }, "has 0 to 256 characters"),
        (climate(modes: []), "has no modes"),
        (climate(presets: ["none"]), "has a preset 'none'"),
        (climate(humidity: 50...101), "aims at a humidity of 50.0 to 101.0 %"),
        (climate(humidity: 50...50), "aims at a humidity of 50.0 to 50.0 %"),
        (Fan("Room", at: "room", presets: ["None"]) { _ in }, "has a preset 'None'"),
        (
            DeviceTracker("Room", at: "room", options: EntityOptions(attributes: "more")),
            "has attributes at a topic of their own already: leave them out of its options"
        ),
        (Button("Room", at: ServiceTopic("room/" + text(0xFDD0))) {}, "non-characters"),
        (Button("Room", at: ServiceTopic("room/" + text(0x1FFFE))) {}, "non-characters"),
    ]

    @Test(arguments: refused.indices)
    func `is refused before anything runs where Home Assistant would leave it out`(index: Int) throws {
        let (entity, complaint) = Self.refused[index]
        let error = #expect(throws: MessagingError.self) { try documents(Device("Green house") { [entity] }) }
        let text = "\(try #require(error))"
        #expect(text.contains("for Home Assistant: 'Room' of 'Green house' ") && text.contains(complaint))
    }

    static let notAlone: [any Entity] = [
        DeviceTrigger("button_short_press", "button_1", at: "key"),
        Switch("Pump", at: "pump", options: EntityOptions(isMain: true)) { _ in },
    ]

    @Test(arguments: notAlone.indices)
    func `is refused before anything runs where an entity needs a device`(index: Int) throws {
        let entity = Self.notAlone[index]
        let error = #expect(throws: MessagingError.self) { try documents(Device.standalone { [entity] }) }
        #expect("\(try #require(error))".contains("put it into a Device"))
        #expect(throws: Never.self) { try documents(Device("a") { [entity] }) }
    }

    @Test(arguments: [
        "192.168.1.7", "ftp://house", "https://", "http://a b", "http://a:b", "http://a:65536", "http://:80",
        "http://a\n",
    ])
    func `is refused before anything runs where a device's URL is none`(url: String) throws {
        let error = #expect(throws: MessagingError.self) { try documents(Device("Pi", url: url) { house.door }) }
        #expect("\(try #require(error))".contains("the device 'Pi' has the URL"))
    }

    @Test(arguments: [
        "http://h", "HTTPS://u:p@h:8123/a?b=c#d", "homeassistant://config", "http://[::1]:80/", "http://[::1]",
        "http://h:/",
    ])
    func `has a URL`(url: String) {
        #expect(throws: Never.self) { try documents(Device("Pi", url: url) { house.door }) }
    }

    static let allowed: [any Entity] = [
        sensor(unit: "\u{B5}g/m³", "pm25"), sensor(unit: "kVArh", "reactive_energy"), sensor(unit: " ", "aqi"),
        sensor(unit: "furlong"), sensor(unit: "x", "class_of_tomorrow"), sensor(nil, "total"),
        // What Home Assistant may know by now.
        sensor("temperature", options: EntityOptions(more: ["unit_of_measurement": "°R"])),
        Number("Room", at: "room", in: 3...3, step: 0.001) { $0 }, Text("Room", at: "room", length: 0...255) { $0 },
        climate(presets: ["None"], humidity: 0...100),
    ]

    @Test(arguments: allowed.indices)
    func `is taken otherwise`(index: Int) {
        #expect(throws: Never.self) { try documents(Device("a") { [Self.allowed[index]] }) }
    }

    @Test(arguments: ["a\tb", "a\u{7F}"])
    func `is refused before anything runs where a topic would cost Home Assistant its connection`(topic: String) {
        let sensor = Sensor("Room", at: ServiceTopic(topic), of: Int.self)
        #expect(throws: MessagingError.self) { try documents(Device("a") { sensor }) }
        let button = Button("Room", at: ServiceTopic(topic)) {}
        #expect(throws: MessagingError.self) { try documents(Device.standalone { button }) }
    }

    @Test func `is refused before anything runs where IDs are wrong`() throws {
        let sensors = [Sensor("a b", at: "x", of: Int.self), Sensor("a-b", at: "y", of: Int.self)]
        #expect(throws: MessagingError.self) { try documents(Device("a") { sensors }) }
        #expect(throws: MessagingError.self) { try documents(Device("a") {}, Device("a") {}) }
        let scope = ServiceScope(name: "a b", announcements: "")
        #expect(throws: MessagingError.self) { try DiscoveryPublisher([Device("a") {}], scope).validate() }
    }
}

@Suite("When Home Assistant is told")
struct AnnouncementScheduleTests {
    @Test func `is once after each connect`() {
        var schedule = AnnouncementSchedule()
        #expect(schedule.due == nil)
        schedule.linked(at: .seconds(1))
        let first = schedule.begin(at: .seconds(1))
        let again = schedule.begin(at: .seconds(1))
        #expect(first && !again)
        schedule.lost()
        schedule.linked(at: .seconds(60))
        #expect(schedule.due == .seconds(60))
    }

    @Test func `is once when it starts while it is about to be told anyway`() {
        var schedule = AnnouncementSchedule()
        schedule.born(at: .seconds(0), delay: .seconds(2))
        #expect(schedule.due == nil)
        schedule.linked(at: .seconds(1))
        schedule.born(at: .seconds(1), delay: .seconds(2))
        #expect(schedule.due == .seconds(1))
        _ = schedule.begin(at: .seconds(1))
        #expect(schedule.due == nil)
        schedule.born(at: .seconds(20), delay: .seconds(2))
        schedule.born(at: .seconds(21), delay: .seconds(3))
        #expect(schedule.due == .seconds(22))
    }

    @Test func `leaves it time between, and is not without a link`() {
        var schedule = AnnouncementSchedule()
        schedule.linked(at: .seconds(10))
        _ = schedule.begin(at: .seconds(10))
        schedule.born(at: .seconds(11), delay: .seconds(1))
        #expect(schedule.due == .seconds(15))
        schedule.lost()
        #expect(schedule.due == nil)
        schedule.linked(at: .seconds(12))
        #expect(schedule.due == .seconds(15))
        let early = schedule.begin(at: .seconds(14))
        #expect(!early)
    }
}
