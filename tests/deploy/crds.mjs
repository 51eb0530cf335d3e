// Validates objects of the Prometheus operator and of KEDA. usage: node crds.mjs PACKAGES < objects.json
// PACKAGES is a folder with node_modules. Prints a line a fault.
import {pathToFileURL} from 'node:url';
import {readFileSync} from 'node:fs';

const HOMES = {'monitoring.coreos.com': 'prometheus-operator', 'keda.sh': 'keda'};
const packages = process.argv[2];

for (const object of JSON.parse(readFileSync(0, 'utf8'))) {
  const [group, version] = object.apiVersion.split('/');
  const place = `${object.kind}/${object.metadata.name}`;
  const home = HOMES[group];
  if (!home) {
    console.log(`${place}: no schema for ${object.apiVersion}`);
    continue;
  }
  const path = `${packages}/node_modules/@kubernetes-models/${home}/${group}/${version}/${object.kind}.js`;
  const models = await import(pathToFileURL(path));
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    console.log(`${place}: ${error.message}`);
  }
}
