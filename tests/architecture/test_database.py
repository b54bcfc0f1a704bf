"""The tests stand on the same ground as the product: its application role, its rights, its reference data."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.utils import ProgrammingError

from tests.database import PRISTINE, owner_connection

TABLES_OF_OTHERS = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'openremit_owner'"


@pytest.mark.django_db
def test_the_tests_run_as_the_application_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("openremit_app",)
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("CREATE TABLE own (id int)")


@pytest.mark.django_db
def test_every_table_belongs_to_the_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES_OF_OTHERS)
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_a_test_that_commits_leaves_the_reference_data_as_it_was(time: str) -> None:
    with owner_connection() as owner:
        pristine = f"SELECT count(*) FROM {PRISTINE}.auth_permission"
        assert owner.execute(pristine.encode()).fetchone() == (Permission.objects.count(),)
    assert not Group.objects.filter(name="Left behind").exists()
    Group.objects.create(name="Left behind")
    Permission.objects.all().delete()
