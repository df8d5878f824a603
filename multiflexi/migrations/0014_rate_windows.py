"""Rate limits look back over a sliding window: the count of the window before is kept beside the present one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0013_access")]
    operations = [migrations.AddField("apiratelimit", "previous", models.IntegerField(default=0))]
