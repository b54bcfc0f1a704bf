"""The name search: words of names in one form, a dictionary of words that forgives one slip of the finger."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

# Compatibility forms become plain ones; letters that Urdu and Arabic keyboards write differently become one; what is
# not a letter by itself (tatweel, joiners, viramas, vowel signs of Arabic) is left out. The collation is named: what
# counts as a letter must depend neither on the column ("C" knows only ASCII) nor on the server's locale.
WORDS = r"""
CREATE OR REPLACE FUNCTION name_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_remove(regexp_split_to_array(lower(public.unaccent('public.unaccent', translate(normalize($1 COLLATE pg_c_utf8, NFKC),
        U&'\064A\0649\0643\0647\0629\06C0\06C3\0622\0623\0625\0671\0640\00AD\200B\200C\200D\2060\FEFF\094D\09CD\064B\064C\064D\064E\064F\0650\0651\0652\0670',
        U&'\06CC\06CC\06A9\06C1\06C1\06C1\06C1\0627\0627\0627\0627'))), '[^[:alnum:]]+'), '')
$$
"""
DELETIONS = """
CREATE FUNCTION word_deletions(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT form) FROM (
        SELECT $1 AS form
        UNION ALL
        SELECT left($1, place - 1) || substr($1, place + 1)
        FROM generate_series(1, CASE WHEN length($1) BETWEEN 3 AND 24 THEN length($1) ELSE 0 END) AS place
    ) AS forms
$$
"""
SOUND = """
CREATE FUNCTION word_sound(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN $1 ~ '^[a-z]{4,40}$' THEN public.dmetaphone($1) ELSE '' END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0002_reference_and_guards")]
    operations = [
        migrations.RunSQL(WORDS, migrations.RunSQL.noop),
        migrations.RunSQL("UPDATE transactions_name SET raw = raw", migrations.RunSQL.noop),
        migrations.RunSQL(DELETIONS, "DROP FUNCTION word_deletions(text)"),
        migrations.RunSQL(SOUND, "DROP FUNCTION word_sound(text)"),
        migrations.CreateModel(
            name="NameWord",
            fields=[
                ("word", models.TextField(db_collation="C", primary_key=True, serialize=False)),
                (
                    "deletions",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.F("word"),
                            function="word_deletions",
                            output_field=django.contrib.postgres.fields.ArrayField(
                                base_field=models.TextField(), size=None
                            ),
                        ),
                        output_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.TextField(), size=None
                        ),
                    ),
                ),
                (
                    "sound",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.F("word"), function="word_sound", output_field=models.TextField()
                        ),
                        output_field=models.TextField(db_collation="C"),
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddIndex(
            model_name="name",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="name_by_words"),
        ),
        migrations.AddIndex(
            model_name="nameword",
            index=django.contrib.postgres.indexes.GinIndex(fields=["deletions"], name="name_word_by_deletions"),
        ),
        migrations.AddIndex(
            model_name="nameword",
            index=models.Index(
                fields=["sound"], name="name_word_by_sound", condition=models.Q(("sound", ""), _negated=True)
            ),
        ),
        migrations.RunSQL(
            "INSERT INTO transactions_nameword (word) SELECT DISTINCT unnest(words) FROM transactions_name",
            migrations.RunSQL.noop,
        ),
    ]
