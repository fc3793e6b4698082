"""The messages that both sides of the tests know; Messages.swift has the same."""

from commlib.msg import ActionMessage, PubSubMessage, RPCMessage


class Reading(PubSubMessage):
    number: int = -1
    text: str = ""
    ratio: float = 0.0
    flag: bool = False
    tags: list = []
    nested: dict = {}


class Add(RPCMessage):
    class Request(RPCMessage.Request):
        a: int = 0
        b: int = 0

    class Response(RPCMessage.Response):
        c: int = 0


class Control(RPCMessage):
    class Request(RPCMessage.Request):
        pass

    class Response(RPCMessage.Response):
        status: int = -1
        error: str = ""


class Count(ActionMessage):
    class Goal(ActionMessage.Goal):
        target: int = 0

    class Result(ActionMessage.Result):
        count: int = -1

    class Feedback(ActionMessage.Feedback):
        current: int = -1
