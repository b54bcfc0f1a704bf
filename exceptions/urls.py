"""The exception desk, bulk jobs, reversals and the RTGS desk."""

from django.urls import path

from exceptions.views import bulk, desk, doing, reversals, rtgs

app_name = "exceptions"

urlpatterns = [
    path("transactions/<str:reference>/do/<str:deed>/", doing.do, name="do"),
    path("transactions/<str:reference>/evidence/<str:digest>/", doing.evidence, name="evidence"),
    path("exceptions/", desk.desk, name="desk"),
    path("exceptions/of/<str:reference>/", desk.work, name="work"),
    path("exceptions/<str:reason>/", desk.group, name="group"),
    path("bulk/", bulk.my_jobs, name="jobs"),
    path("bulk/new/retry/", bulk.choose, {"deed": "repush"}, name="bulk-repush"),
    path("bulk/new/inquire/", bulk.choose, {"deed": "inquire"}, name="bulk-inquire"),
    path("bulk/new/assign/", bulk.choose, {"deed": "assign"}, name="bulk-assign"),
    path("bulk/new/send-back/", bulk.choose, {"deed": "send_back"}, name="bulk-send-back"),
    path("bulk/new/sheet/", bulk.bring_back, name="bring-back"),
    path("bulk/<str:number>/sheet/", bulk.sheet, name="job-sheet"),
    path("exceptions/<str:reason>/sheet/", bulk.group_sheet, name="group-sheet"),
    path("bulk/<str:number>/", bulk.job, name="job"),
    path("bulk/<str:number>/progress/", bulk.progress, name="job-progress"),
    path("reversals/", reversals.reversals, name="reversals"),
    path("reversals/template/xlsx/", reversals.template_xlsx, name="reversal-template-xlsx"),
    path("reversals/template/csv/", reversals.template_csv, name="reversal-template-csv"),
    path("reversals/<str:number>/", reversals.reversal, name="reversal"),
    path("rtgs/", rtgs.rtgs, name="rtgs"),
]
