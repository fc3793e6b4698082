"""Services of miqro, as its users write them: `miqro_peer.py NAME SETTINGS`.

What handlers get is said on standard output, a line of JSON each.
"""

import json
import sys
from datetime import timedelta

import miqro
from miqro import ha_sensors


def say(*what):
    print(json.dumps(what), flush=True)


class Values(miqro.Service):
    """Publishes each form of value when it is told to."""

    SERVICE_NAME = "values"

    @miqro.handle("ask")
    def ask(self, payload):
        self.publish("ready", payload)

    @miqro.handle("go")
    def go(self, payload):
        self.publish("text", "bar")
        self.publish("true", True)
        self.publish("false", False)
        self.publish("none", None)
        self.publish("float", 3.14159265)
        self.publish("small", 0.00004)
        self.publish("int", 42)
        self.publish("umlaut", "Grüße, 日本")
        self.publish("dict", {"x": 1.23456, "y": [1, 2.0], "z": None, "on": True})
        self.publish("list", [1.00004, "a"])
        self.publish_json("json", {"answer": 42.01})
        self.publish_json_keys({"a": {"b": True, "c": [1, 2.55555]}, "d": None}, "tree")
        self.publish("kept", "kept", retain=True)
        for value in (1, 1, 2):
            self.publish("changed", value, only_if_changed=True)
            self.publish("aged", value, only_if_changed=timedelta(seconds=600))
        self.publish("values/global", "x", global_=True)
        self.publish("end", "end")


class Listener(miqro.Service):
    """Says what it gets."""

    SERVICE_NAME = "listener"

    @miqro.handle("plain")
    def plain(self, payload):
        say("plain", payload)

    @miqro.handle("sms/send/#")
    def sms(self, payload, rest):
        say("sms", payload, rest)

    @miqro.handle("members")
    @miqro.accept_json
    def members(self, x, y):
        say("members", x, y)

    @miqro.handle_global("radio/temperature")
    def temperature(self, payload):
        say("temperature", payload)

    @miqro.handle_global("service/asker/#")
    def asker(self, payload, rest):
        say("asker", payload, rest)


class House(miqro.Service):
    """Has a device for Home Assistant, with entities of all kinds."""

    SERVICE_NAME = "house"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        device = ha_sensors.Device(
            self,
            "Green house",
            model="Pi",
            manufacturer="Acme",
            sw_version="1.0",
            hw_version="2",
            connections=[("mac", "02:5b:26:a8:dc:12")],
            suggested_area="Garden",
        )
        ha_sensors.Sensor(
            device,
            "Temperature",
            state_topic_postfix="temperature",
            unit_of_measurement="°C",
            device_class="temperature",
            state_class="measurement",
            suggested_display_precision=1,
            expire_after=120,
            force_update=True,
            icon="mdi:thermometer",
            entity_category="diagnostic",
        )
        ha_sensors.Sensor(device, "Weather", state_topic_postfix="weather", options=["sun", "rain"])
        ha_sensors.BinarySensor(device, "Door", state_topic_postfix="door", device_class="door", off_delay=30)
        ha_sensors.Switch(
            device, "Pump", state_topic_postfix="pump", command_topic_postfix="pump/set", command_callback=self.pump
        )
        ha_sensors.Text(
            device,
            "Label",
            state_topic_postfix="label/state",
            command_topic_postfix="label/command",
            command_callback=self.other,
            min=1,
            max=10,
            pattern="[a-z]+",
        )
        ha_sensors.Number(
            device,
            "Target",
            state_topic_postfix="target/state",
            command_topic_postfix="target/command",
            command_callback=self.other,
            min=5,
            max=35,
            step=0.5,
            unit_of_measurement="°C",
            mode="slider",
        )
        ha_sensors.Select(
            device,
            "Mode",
            state_topic_postfix="mode/state",
            command_topic_postfix="mode/command",
            command_callback=self.other,
            options=["eco", "comfort"],
        )
        ha_sensors.Button(device, "Restart", command_topic_postfix="restart", command_callback=self.other)
        ha_sensors.Event(device, "Bell", state_topic_postfix="bell", event_types=["ring"], device_class="doorbell")
        ha_sensors.ClimateController(
            device,
            "Heating",
            modes=["off", "heat"],
            mode_state_topic_postfix="heating/mode/state",
            mode_command_topic_postfix="heating/mode/command",
            temperature_state_topic_postfix="heating/temperature/state",
            temperature_command_topic_postfix="heating/temperature/command",
            temperature_command_callback=self.other,
            current_temperature_topic_postfix="heating/current_temperature",
            min_temp=5,
            max_temp=30,
            temp_step=0.5,
            temperature_unit="C",
        )
        ha_sensors.DeviceTracker(device, "Car", json_attributes_topic_postfix="car")
        ha_sensors.Sensor(None, "Alone", service=self, state_topic_postfix="alone", icon="mdi:eye")

    def pump(self, _, payload):
        say("pump", payload)

    def other(self, _, payload):
        say("other", payload)


{"values": Values, "listener": Listener, "house": House}[sys.argv[1]](sys.argv[2]).run()
