"""The demo: an invented world and a platform simulator. Never part of production settings."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "backoffice.demo"
    label = "demo"
