"""Finding transactions, reading one, and the inquiry desk."""

from django.urls import path

from transactions.views import arranging, bulk, detail, help, inquiries, listing, live, search, then

app_name = "transactions"

urlpatterns = [
    path("search/", search.search, name="search"),
    path("transactions/", listing.transactions, name="list"),
    path("transactions/rows/", live.rows, name="rows"),
    path("transactions/new/", live.news, name="new"),
    path("transactions/views/", arranging.views, name="views"),
    path("transactions/views/strip/", arranging.strip, name="view-strip"),
    path("transactions/views/<str:key>/", arranging.view, name="view"),
    path("transactions/views/<str:key>/delete/", arranging.delete, name="delete-view"),
    path("transactions/views/<str:key>/restore/", arranging.restore, name="restore-view"),
    path("transactions/views/<str:key>/default/", arranging.default, name="default-view"),
    path("transactions/columns/", arranging.choose_columns, name="columns"),
    path("transactions/density/", arranging.density, name="density"),
    path("transactions/bulk/note/", bulk.note, name="bulk-note"),
    path("transactions/<str:reference>/", detail.detail, name="detail"),
    path("transactions/<str:reference>/timeline/", detail.timeline, name="timeline"),
    path("transactions/<str:reference>/notes/", detail.notes, name="notes"),
    path("transactions/<str:reference>/related/", detail.related, name="related"),
    path("transactions/<str:reference>/audit/", detail.trail, name="trail"),
    path("transactions/<str:reference>/at/", then.at, name="at"),
    path("transactions/<str:reference>/reveal/", detail.reveal, name="reveal"),
    path("transactions/<str:reference>/answer/copied/", detail.answer_copied, name="answer-copied"),
    path("transactions/<str:reference>/inquiries/", inquiries.log, name="log-inquiry"),
    path("transactions/<str:reference>/live/", live.parts, name="parts"),
    path("live/", live.stream, name="stream"),
    path("inquiries/", inquiries.inquiries, name="inquiries"),
    path("inquiries/<str:number>/", inquiries.inquiry, name="inquiry"),
    path("inquiries/<str:number>/close/", inquiries.close, name="close-inquiry"),
    path("help/statuses/", help.statuses, name="help-statuses"),
    path("help/keys/", help.keys, name="help-keys"),
]
