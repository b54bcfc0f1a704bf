"""The compliance desk: the queue, one case and what people do with it."""

from django.urls import path

from compliance.views import answers, case, queue, reports, whitelist

app_name = "compliance"

urlpatterns = [
    path("compliance/", queue.queue, name="queue"),
    path("compliance/next/", queue.take_next, name="next"),
    path("compliance/cases/<str:number>/", case.case, name="case"),
    path("compliance/cases/<str:number>/decide/", case.decide, name="decide"),
    path("compliance/cases/<str:number>/claim/", case.claim, name="claim"),
    path("compliance/cases/<str:number>/let-go/", case.let_go, name="let-go"),
    path("compliance/cases/<str:number>/snooze/", case.snooze, name="snooze"),
    path("compliance/cases/<str:number>/wake/", case.wake, name="wake"),
    path("compliance/cases/<str:number>/resume/", case.resume, name="resume"),
    path("compliance/cases/<str:number>/arrange/", case.arrange, name="arrange"),
    path("compliance/cases/<str:number>/correct/", case.correct, name="correct"),
    path("compliance/cases/<str:number>/check/", case.check_again, name="check"),
    path("compliance/cases/<str:number>/files/", case.add_file, name="add-file"),
    path("compliance/cases/<str:number>/files/<str:sha256>/", case.file, name="file"),
    path("compliance/cases/<str:number>/reveal/", case.reveal, name="reveal"),
    path("compliance/cases/<str:number>/printed/", case.print_case, name="print"),
    path("compliance/cases/<str:number>/printed/check/", case.check_printed, name="check-printed"),
    path("compliance/cases/<str:number>/printed/<str:printed>/", case.printed, name="printed"),
    path("compliance/cases/<str:number>/whitelist/", whitelist.ask, name="ask-for-rule"),
    path("compliance/cases/<str:number>/reports/", reports.begin, name="begin-report"),
    path("compliance/reports/<str:report>/", reports.report, name="report"),
    path("compliance/reports/<str:report>/filed/", reports.filed, name="file-report"),
    path("compliance/reports/<str:report>/files/", reports.add_file, name="add-report-file"),
    path("compliance/answers/", answers.answers, name="answers"),
    path("compliance/answers/<str:answer>/", answers.answer, name="answer"),
    path("whitelist/", whitelist.rules, name="whitelist"),
    path("whitelist/<str:rule>/end/", whitelist.end, name="end-rule"),
]
