# One asset: <service ID><path>
terraform import purge_cdn_asset.home 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0/index.html

# Many assets: <service ID>
terraform import purge_cdn_asset.site 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0
