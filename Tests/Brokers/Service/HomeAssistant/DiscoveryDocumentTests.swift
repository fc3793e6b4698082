import Martlet
import MartletService
import Testing

@testable import MartletHomeAssistant

@Suite("What Home Assistant is told")
struct DiscoveryDocumentTests {
    static let scope = ServiceScope(name: "demo", online: TopicName(mqtt: "service/demo/online"), announcements: "")
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
        }
        #expect(documents.first?.topic.mqtt == "homeassistant/sensor/demo__sensor_Temperature/config")
    }

    @Test func `is a device with IDs and topics`() throws {
        let device = house.device("Green house", [house.temperature, Switch("Pump", at: "pump") { _ in }])
        let content = try #require(try documents(device).first).content
        #expect(
            content["device"] == [
                "name": "Green house", "model": "Pi", "manufacturer": "Acme", "sw_version": "1.0", "serial_number": "7",
                "suggested_area": "Garden", "connections": [["mac", "02:5b:26:a8:dc:12"]],
                "identifiers": ["demo_Green-house"],
            ]
        )
        #expect(
            content["availability"]
                == [["topic": "service/demo/online", "payload_available": "1", "payload_not_available": "0"]]
        )
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
