// Reads a JSON array of custom resources from stdin and prints what their operators' schemas refuse, one line each.
import { readFileSync } from 'node:fs'

const PACKAGES = { 'keda.sh': '@kubernetes-models/keda', 'monitoring.coreos.com': '@kubernetes-models/prometheus-operator' }

let refused = 0
for (const resource of JSON.parse(readFileSync(0, 'utf8'))) {
  const [group, version] = resource.apiVersion.split('/')
  const name = `${resource.kind} ${resource.metadata.name}`
  try {
    if (!PACKAGES[group]) throw new Error(`no schema for ${resource.apiVersion}`)
    const { [resource.kind]: Model } = await import(`${PACKAGES[group]}/${group}/${version}/${resource.kind}`)
    new Model(resource).validate()
  } catch (error) {
    console.log(`${name}: ${error.message}`)
    refused += 1
  }
}
process.exitCode = refused ? 1 : 0
