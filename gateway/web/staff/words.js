// Every sentence of the console, in English and Spanish. say("rows", {count: 3}) -> "3 rows".

const KEY = "kinbridge.language";
const SAID = {
  en: {
    // the shell
    console: "Console", signIn: "Sign in", signOut: "Sign out", name: "Name", password: "Password",
    token: "Staff token", byToken: "Sign in with a token", byPassword: "Sign in with a password",
    refused: "This name and password do not belong together, or do not let you in.",
    refusedToken: "This token is not valid.", over: "Your session is over. Sign in again.",
    lost: "The gateway cannot be reached. Trying again…", loading: "Loading…", nothing: "There is nothing here.",
    rows: "{count} rows", row: "1 row", more: "Show more", show: "Show", close: "Close", sections: "Sections", language: "Español",
    from: "From", until: "Until", facility: "Facility", all: "All", save: "Save", saved: "Saved.", none: "none",
    yes: "yes", no: "no", when: "When", who: "Who", what: "What", reason: "Reason", state: "State", place: "Station",
    // visits
    visits: "Live visits", nobody: "Nobody is visiting now.", count1: "1 visit", count: "{count} visits",
    watch: "Watch", watchNoMore: "Watch no more", watchOf: "Watch the visit of {name}", soundOn: "Sound on", soundOff: "Sound off",
    end: "End the visit", endSure: "End this visit?", letGo: "Let it go on", endNow: "End it now",
    endTold: "It ends at once for both sides, and the record says that an officer ended it.",
    write: "Write to the family", shownAtOnce: "Shown on their page at once", left: "characters left", send: "Send",
    sentNobody: "Nobody could read it: their page is closed just now.", sent: "They can read it now.",
    sideStation: "Facility", sideFamily: "Family", and: "{one} and {other}", pictureStation: "The picture of the station",
    pictureFamily: "The picture of the family", video: "Video", audio: "Sound only",
    privileged: "Privileged: nobody may watch", notMonitored: "Not monitored", left_: "{time} left", perMinute: "{amount}/min",
    connectingCover: "Connecting…", waitingCover: "Waiting for the picture…", noPicture: "No picture",
    youWatch: "You watch the visit of {name}.", quality: "Quality", good: "good", fair: "fair", poor: "poor",
    dialing: "Dialing", ringing: "Ringing", connecting: "Connecting", talking: "Talking", held: "On hold",
    reconnecting: "Reconnecting", ending: "Ending",
    officer_left: "You watch no more.", visit_ended: "The visit is over.", closed: "The connection was closed.",
    page_closed: "The connection was closed.", consent_expired: "The connection was lost.",
    connect_timeout: "No connection came up. Is UDP to the gateway allowed?",
    ice_failed: "No connection came up. Is UDP to the gateway allowed?", dtls_failed: "No connection came up.",
    slow: "The network here is too slow for the pictures.", node_stopped: "The gateway stops.", ended: "It ended.",
    // records
    records: "Records", account: "Account", trunk: "Trunk", visit: "Visit", length: "Length", charged: "Charged",
    ends: "Ended by", download: "Download", record: "Record {id}", number: "No.",
    // accounts
    accounts: "Accounts", balance: "Balance", heldMoney: "Held", available: "Available", opened: "Opened", kind: "Kind",
    ledger: "Ledger", amount: "Amount", deposit: "Pay in", depositTold: "Paid in: {amount}", owner: "Owner",
    dayLimit: "Limit a day", weekLimit: "Limit a week", closedAt: "Closed",
    // people
    people: "People", residents: "Residents", unit: "Housing unit", active: "Active", pin: "PIN", contact: "Contact",
    standing: "Standing", list: "Contacts of {name}", pending: "pending", approved: "approved", banned: "banned",
    privilegedStanding: "privileged", take: "take from the list", set: "set", limits: "Limits",
    minutes: "{count} minutes", aDay: "{count} a day", aWeek: "{count} a week", add: "Add a contact by id",
    // bookings
    board: "Schedule", day: "Day", time: "Time", approve: "Approve", refuse: "Refuse", cancel: "Cancel the booking",
    noBookings: "No booking on this day.", fee: "Fee", starts: "Begins", resident: "Resident",
    requested: "requested", starting: "starting", started: "started", kept: "kept", cancelled: "cancelled",
    no_show_family: "family did not come", no_show_station: "station not reached", interrupted: "interrupted",
    bookingState: "{state}", refusedState: "refused",
    // rules
    rules: "Rules", dialled: "Dialled number", medium: "Medium", at: "When (empty: now)", explain: "Explain",
    inForce: "{rules} rules of {facilities} facilities, in force since {since}", verdict: "Decision", allowed: "allowed",
    rule: "Rule", tariff: "Tariff", longest: "Longest visit", notSaid: "not said", pass: "PASS", fail: "FAIL",
    path: "The conditions, in order",
    // charts
    charts: "Reports", month: "Month", perDay: "Visits a day", perHour: "Visits by the hour of the day",
    minutesPerDay: "Minutes a day", revenue: "Charged a day", refusals: "Refusals by rule", mos: "Quality of sound (MOS)",
    reasons: "How visits ended", attempts: "Calls", answered: "Answered", mean: "Mean length", total: "Total",
    asPage: "As a page", asTable: "As a table", count_: "Count",
    // audit
    audit: "Audit", accesses: "Who did what", watchings: "Who watched", changes: "Changes of people", act: "Act",
    subject: "Whom or what", detail: "Detail", officer: "Officer", before: "Before", after: "After", goesOn: "goes on",
    // node
    node: "Gateway", version: "Version", load: "Load", liveVisits: "Live visits", loop: "Media loop", codecs: "Codecs",
    refusedSip: "Refused SIP requests", webhooks: "Messages to providers", method: "Method",
  },
  es: {
    console: "Consola", signIn: "Entrar", signOut: "Salir", name: "Nombre", password: "Contraseña",
    token: "Clave de personal", byToken: "Entrar con una clave", byPassword: "Entrar con contraseña",
    refused: "Ese nombre y esa contraseña no van juntos, o no le dejan entrar.",
    refusedToken: "Esta clave no es válida.", over: "Su sesión terminó. Entre de nuevo.",
    lost: "No se alcanza la pasarela. Se intenta de nuevo…", loading: "Cargando…", nothing: "Aquí no hay nada.",
    rows: "{count} filas", row: "1 fila", more: "Mostrar más", show: "Mostrar", close: "Cerrar", sections: "Secciones", language: "English",
    from: "Desde", until: "Hasta", facility: "Centro", all: "Todos", save: "Guardar", saved: "Guardado.", none: "ninguno",
    yes: "sí", no: "no", when: "Cuándo", who: "Quién", what: "Qué", reason: "Motivo", state: "Estado", place: "Terminal",
    visits: "Visitas en curso", nobody: "Nadie está de visita ahora.", count1: "1 visita", count: "{count} visitas",
    watch: "Observar", watchNoMore: "Dejar de observar", watchOf: "Observar la visita de {name}", soundOn: "Con sonido", soundOff: "Sin sonido",
    end: "Terminar la visita", endSure: "¿Terminar esta visita?", letGo: "Que siga", endNow: "Terminarla ya",
    endTold: "Termina enseguida para ambos lados, y el registro dice que la terminó un oficial.",
    write: "Escribir a la familia", shownAtOnce: "Aparece enseguida en su página", left: "caracteres quedan", send: "Enviar",
    sentNobody: "Nadie pudo leerlo: su página está cerrada ahora.", sent: "Ya pueden leerlo.",
    sideStation: "Centro", sideFamily: "Familia", and: "{one} y {other}", pictureStation: "La imagen del terminal",
    pictureFamily: "La imagen de la familia", video: "Video", audio: "Solo sonido",
    privileged: "Privilegiada: nadie puede observar", notMonitored: "No se supervisa", left_: "quedan {time}", perMinute: "{amount}/min",
    connectingCover: "Conectando…", waitingCover: "Esperando la imagen…", noPicture: "Sin imagen",
    youWatch: "Usted observa la visita de {name}.", quality: "Calidad", good: "buena", fair: "regular", poor: "mala",
    dialing: "Marcando", ringing: "Sonando", connecting: "Conectando", talking: "Hablando", held: "En espera",
    reconnecting: "Reconectando", ending: "Terminando",
    officer_left: "Ya no observa.", visit_ended: "La visita terminó.", closed: "La conexión se cerró.",
    page_closed: "La conexión se cerró.", consent_expired: "Se perdió la conexión.",
    connect_timeout: "No se logró conexión. ¿Se permite UDP hacia la pasarela?",
    ice_failed: "No se logró conexión. ¿Se permite UDP hacia la pasarela?", dtls_failed: "No se logró conexión.",
    slow: "La red de aquí es demasiado lenta para las imágenes.", node_stopped: "La pasarela se detiene.", ended: "Terminó.",
    records: "Registros", account: "Cuenta", trunk: "Troncal", visit: "Visita", length: "Duración", charged: "Cobrado",
    ends: "Terminó por", download: "Descargar", record: "Registro {id}", number: "N.º",
    accounts: "Cuentas", balance: "Saldo", heldMoney: "Retenido", available: "Disponible", opened: "Abierta", kind: "Clase",
    ledger: "Libro", amount: "Importe", deposit: "Ingresar", depositTold: "Ingresado: {amount}", owner: "Titular",
    dayLimit: "Límite por día", weekLimit: "Límite por semana", closedAt: "Cerrada",
    people: "Personas", residents: "Residentes", unit: "Unidad", active: "Activo", pin: "PIN", contact: "Contacto",
    standing: "Situación", list: "Contactos de {name}", pending: "pendiente", approved: "aprobado", banned: "prohibido",
    privilegedStanding: "privilegiado", take: "quitar de la lista", set: "puesto", limits: "Límites",
    minutes: "{count} minutos", aDay: "{count} por día", aWeek: "{count} por semana", add: "Añadir un contacto por id",
    board: "Agenda", day: "Día", time: "Hora", approve: "Aprobar", refuse: "Rechazar", cancel: "Cancelar la reserva",
    noBookings: "No hay reservas este día.", fee: "Tarifa", starts: "Empieza", resident: "Residente",
    requested: "solicitada", starting: "empezando", started: "empezada", kept: "cumplida", cancelled: "cancelada",
    no_show_family: "la familia no vino", no_show_station: "terminal no alcanzado", interrupted: "interrumpida",
    bookingState: "{state}", refusedState: "rechazada",
    rules: "Reglas", dialled: "Número marcado", medium: "Medio", at: "Cuándo (vacío: ahora)", explain: "Explicar",
    inForce: "{rules} reglas de {facilities} centros, en vigor desde {since}", verdict: "Decisión", allowed: "permitida",
    rule: "Regla", tariff: "Tarifa", longest: "Visita más larga", notSaid: "no se dice", pass: "CUMPLE", fail: "FALLA",
    path: "Las condiciones, en orden",
    charts: "Informes", month: "Mes", perDay: "Visitas por día", perHour: "Visitas por hora del día",
    minutesPerDay: "Minutos por día", revenue: "Cobrado por día", refusals: "Rechazos por regla", mos: "Calidad del sonido (MOS)",
    reasons: "Cómo terminaron las visitas", attempts: "Llamadas", answered: "Contestadas", mean: "Duración media", total: "Total",
    asPage: "Como página", asTable: "Como tabla", count_: "Cantidad",
    audit: "Auditoría", accesses: "Quién hizo qué", watchings: "Quién observó", changes: "Cambios de personas", act: "Acto",
    subject: "A quién o qué", detail: "Detalle", officer: "Oficial", before: "Antes", after: "Después", goesOn: "sigue",
    node: "Pasarela", version: "Versión", load: "Carga", liveVisits: "Visitas en curso", loop: "Ciclo de medios", codecs: "Códecs",
    refusedSip: "Peticiones SIP rechazadas", webhooks: "Mensajes a proveedores", method: "Método",
  },
};

let language = localStorage.getItem(KEY) ?? (navigator.language.startsWith("es") ? "es" : "en");

export const current = () => language;
export const other = () => (language === "en" ? "es" : "en");

export function choose(chosen) {
  language = chosen;
  localStorage.setItem(KEY, chosen);
}

export function say(key, values = {}) {
  const sentence = SAID[language][key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A closed word of the gateway, or the word itself where we have no sentence for it.
export const word = (key) => SAID[language][key] ?? String(key ?? "").replaceAll("_", " ");

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export const when = (iso, zone) =>
  iso ? new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short", ...(zone && { timeZone: zone }) }).format(new Date(iso)) : "";

// {amount: "2.72", currency: "USD"}; decimal text is never made a binary number for anything but display.
export function money(amount, currency) {
  const value = typeof amount === "object" && amount !== null ? amount : { amount, currency };
  if (value.amount === undefined || value.amount === null) return "";
  return new Intl.NumberFormat(language, { style: "currency", currency: value.currency, maximumFractionDigits: 6 }).format(value.amount);
}

export const languages = SAID;
