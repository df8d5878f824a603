"""All addresses, relative to the prefix they were called under."""

from django.urls import include, path

urlpatterns = [
    path("", include("multiflexi.http.health")),
    path("api/v2/", include("multiflexi.api.v2.urls")),
    path("", include("multiflexi.api.legacy.urls")),
    path("", include("multiflexi.web.urls")),
]

handler400 = "multiflexi.http.failures.bad_request"
handler403 = "multiflexi.http.failures.forbidden"
handler404 = "multiflexi.http.failures.not_found"
handler500 = "multiflexi.http.failures.broken"
