"""What peers do. Each role is a function of a stage, which has its arguments and tells what happens."""

import importlib
import signal
import threading
import time

from commlib.compression import CompressionType
from commlib.msg import Event
from commlib.node import Node
from commlib.serializer import BinarySerializer, MessagePackSerializer

from messages import Add, Control, Count, Reading

COMPRESSION = {
    "none": CompressionType.NO_COMPRESSION,
    "speed": CompressionType.BEST_SPEED,
    "best": CompressionType.BEST_COMPRESSION,
    "default": CompressionType.DEFAULT_COMPRESSION,
}
SERIALIZERS = {"binary": BinarySerializer, "msgpack": MessagePackSerializer}
TYPES = {"reading": Reading, "add": Add, "control": Control, "count": Count, "event": Event, None: None}


class Stage:
    """Where a role is played."""

    def __init__(self, command, tell):
        self.command = command
        self.tell = tell
        self.transport = importlib.import_module("commlib.transports." + command["transport"])

    def __getattr__(self, name):
        return self.command.get(name)

    @property
    def options(self):
        parameters = self.transport.ConnectionParameters(host="127.0.0.1", port=self.command["port"])
        options = {"conn_params": parameters, "compression": COMPRESSION[self.compression or "none"]}
        if self.serializer:
            options["serializer"] = SERIALIZERS[self.serializer]
        return options

    @property
    def type(self):
        return TYPES[self.command.get("type")]

    def start(self, endpoint):
        """Starts an endpoint of commlib-py. Its run() may never return, and says so in no way."""
        failures = []

        def run():
            try:
                endpoint.run()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if failures:
                raise failures[0]
            try:
                if endpoint.connected and not thread.is_alive():
                    return endpoint
            except AssertionError:
                pass  # An action's endpoints that are not there yet.
            time.sleep(0.005)
        raise TimeoutError("the endpoint did not connect")

    def stay(self):
        """Until the process is killed."""
        self.tell("ready")
        while True:
            time.sleep(60)


def fields(message):
    """A message as a dictionary; None stays None."""
    return message.model_dump() if hasattr(message, "model_dump") else message


# ---- publish and subscribe


def subscribe(stage):
    stage.start(
        stage.transport.Subscriber(
            topic=stage.name,
            msg_type=stage.type,
            on_message=lambda message: stage.tell("message", data=fields(message)),
            **stage.options
        )
    )
    stage.stay()


def subscribe_to_pattern(stage):
    stage.start(
        stage.transport.PSubscriber(
            topic=stage.name,
            msg_type=stage.type,
            on_message=lambda message, topic: stage.tell("message", topic=topic, data=fields(message)),
            **stage.options
        )
    )
    stage.stay()


def publish(stage):
    publishers = [
        stage.start(stage.transport.Publisher(topic=name, msg_type=stage.type, **stage.options)) for name in stage.names
    ]
    stage.tell("ready")
    for data in stage.messages:
        for publisher in publishers:
            publisher.publish(data if stage.type is None else stage.type(**data))
        # Its own AMQP subscribers lose what comes faster.
        time.sleep(0.002)
    # What its thread still holds is to leave.
    time.sleep(0.5)


def publish_to_many(stage):
    publisher = stage.start(stage.transport.MPublisher(**stage.options))
    stage.tell("ready")
    for data in stage.messages:
        for name in stage.names:
            publisher.publish(data, name)
    time.sleep(0.5)


# ---- remote procedures


def serve(stage):
    def add(message):
        if stage.mode == "raise":
            raise ValueError("asked to fail")
        if stage.mode == "slow":
            time.sleep(stage.delay or 0.02)
        return Add.Response(c=message.a + message.b)

    stage.start(stage.transport.RPCService(rpc_name=stage.name, msg_type=Add, on_request=add, **stage.options))
    stage.stay()


def call(stage):
    """Calls with each request; all at once through one client if they are to be parallel."""
    client = stage.start(stage.transport.RPCClient(rpc_name=stage.name, msg_type=stage.type, **stage.options))
    # The AMQP client begins to listen for replies only after it says that it is connected.
    time.sleep(0.2)
    stage.tell("ready")
    timeout = stage.timeout or 10

    def prepare(request):
        return request if stage.type is None else stage.type.Request(**request)

    def report(index, wait):
        try:
            stage.tell("reply", index=index, data=fields(wait()))
        except Exception as error:
            stage.tell("reply", index=index, error=type(error).__name__)

    if stage.parallel:
        futures = [client.call_async(prepare(request), timeout=timeout) for request in stage.requests]
        for index, future in enumerate(futures):
            report(index, lambda: future.result(timeout + 20))
    else:
        for index, request in enumerate(stage.requests):
            report(index, lambda: client.call(prepare(request), timeout=timeout))
    stage.tell("done")


# ---- actions


def perform(stage):
    go = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: go.set())

    def count(goal):
        stage.tell("goal", id=goal.id, target=goal.data.target)
        if stage.mode == "raise":
            time.sleep(0.3)
            raise ValueError("asked to fail")
        if stage.waits:
            go.wait()
            go.clear()
        reached = 0
        while reached < goal.data.target and not goal.cancel_event.is_set():
            time.sleep(0.03)
            reached += 1
            goal.send_feedback(Count.Feedback(current=reached))
        stage.tell("cancelled" if goal.cancel_event.is_set() else "finished", count=reached)
        return Count.Result(count=reached)

    stage.start(
        stage.transport.ActionService(action_name=stage.name, msg_type=Count, on_goal=count, **stage.options)
    )
    stage.stay()


def send_goal(stage):
    feedback, ended, halfway = [], threading.Event(), threading.Event()

    def on_feedback(message):
        feedback.append(message.current)
        if stage.cancel_after and len(feedback) >= stage.cancel_after:
            halfway.set()

    client = stage.start(
        stage.transport.ActionClient(
            action_name=stage.name,
            msg_type=Count,
            on_feedback=on_feedback,
            on_result=lambda _: ended.set(),
            **stage.options
        )
    )
    time.sleep(0.4)
    stage.tell("ready")
    limit = stage.timeout or 15
    reply = client.send_goal(Count.Goal(target=stage.target), timeout=limit)
    stage.tell("goal", status=reply and reply.status, id=reply and reply.goal_id, error=reply and reply.error)
    if stage.cancel_after:
        halfway.wait(limit)
        answer = client.cancel_goal(timeout=limit)
        stage.tell("cancel", status=answer and answer.status)
    seen = ended.wait(limit)
    # The client stores the result after it has told of it, and the last feedback may come later than the end.
    time.sleep(0.2)
    end = time.monotonic() + limit
    while len(feedback) < (stage.expected_feedback or 0) and time.monotonic() < end:
        time.sleep(0.01)
    result = client.result
    # The server tells of the end before it stores the result; who asks in between gets the defaults.
    if not seen or result == Count.Result():
        result = client.get_result(timeout=3)
    stage.tell(
        "result",
        seen=seen,
        status=int(client.status.status),
        data=fields(result),
        feedback=feedback,
    )


# ---- nodes


def node(stage):
    it = Node(
        node_name=stage.name,
        connection_params=stage.options["conn_params"],
        heartbeats=True,
        heartbeat_interval=0.2,
        ctrl_services=bool(stage.control),
    )
    # With wait it never returns for a node without endpoints.
    threading.Thread(target=lambda: it.run(wait=False), daemon=True).start()
    stage.tell("ready")
    state = None
    while True:
        if it.state != state:
            state = it.state
            stage.tell("state", state=int(state))
        time.sleep(0.01)


ROLES = {
    "subscribe": subscribe,
    "subscribe_to_pattern": subscribe_to_pattern,
    "publish": publish,
    "publish_to_many": publish_to_many,
    "serve": serve,
    "call": call,
    "perform": perform,
    "send_goal": send_goal,
    "node": node,
}
