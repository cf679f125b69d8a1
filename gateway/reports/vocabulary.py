"""The words of statements and reports: English, then Spanish. A test proves that every key has both."""

from __future__ import annotations

MONTHS = (
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
     "December"),
    ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
     "diciembre"),
)  # fmt: skip
SHORT_MONTHS = (
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
)
WEEKDAYS = (
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
)

VOCABULARY: dict[str, tuple[str, str]] = {
    # the statement
    "statement.title": ("Account statement", "Estado de cuenta"),
    "statement.account": ("Account", "Cuenta"),
    "statement.of": ("for {name}", "de {name}"),
    "statement.made": ("Made on {day}", "Hecho el {day}"),
    "statement.so_far": (
        "The month is not over: this statement shows it up to the day it was made.",
        "El mes no ha terminado: este estado llega hasta el día en que se hizo.",
    ),
    "statement.times": ("Days begin and end by the clock of {zone}.", "Los días van por el reloj de {zone}."),
    "statement.closing": ("Your balance at the end of the month", "Su saldo al final del mes"),
    "statement.closing_now": ("Your balance", "Su saldo"),
    "statement.owed": ("What this account owes", "Lo que debe esta cuenta"),
    "statement.opening": ("Balance at the start", "Saldo al comienzo"),
    "statement.deposits": ("Money you put in", "Dinero que usted puso"),
    "statement.charges": ("Visits", "Visitas"),
    "statement.given_back": ("Given back to you", "Devuelto a usted"),
    "statement.corrected": ("Corrections", "Correcciones"),
    "statement.paid_out": ("Paid out to you", "Pagado a usted"),
    "statement.end": ("Balance at the end", "Saldo al final"),
    "statement.visits": ("Your visits", "Sus visitas"),
    "statement.no_visits": ("There were no visits in this month.", "No hubo visitas en este mes."),
    "statement.money": ("Your money, day by day", "Su dinero, día por día"),
    "statement.no_money": ("No money moved in this month.", "No se movió dinero en este mes."),
    "statement.visit_count": ("{count} visits", "{count} visitas"),
    "statement.visit_count_one": ("1 visit", "1 visita"),
    "statement.when": ("When", "Cuándo"),
    "statement.what": ("What", "Qué"),
    "statement.lasted": ("Lasted", "Duró"),
    "statement.counted": ("counted", "se contaron"),
    "statement.price": ("Price", "Precio"),
    "statement.cost": ("Cost", "Costo"),
    "statement.amount": ("Amount", "Importe"),
    "statement.balance": ("Balance", "Saldo"),
    "statement.total": ("Total", "Total"),
    "statement.free": ("free", "gratis"),
    "statement.video": ("Video visit", "Visita por video"),
    "statement.audio": ("Phone visit", "Visita por teléfono"),
    "statement.privileged": ("Private visit", "Visita privada"),
    "statement.not_charged": ("Not charged", "No se cobró"),
    "statement.of_total": (
        "{percent}% of {total}; others paid the rest",
        "{percent}% de {total}; otros pagaron el resto",
    ),
    "statement.visit_back": ("{amount} given back this month", "{amount} devuelto este mes"),
    "statement.visit_more": ("{amount} added by a correction this month", "{amount} añadido por una corrección"),
    "statement.lowered": (
        "{amount} taken off: the legal limit for the price of a minute",
        "{amount} de descuento: el límite legal del precio por minuto",
    ),
    "statement.rounding": (
        (
            "Prices are kept exact to a millionth, because a second costs a part of a cent. Here they are rounded to"
            " the cent, so a column may look a cent off. Exactly, the month began with {opening} and ended with {closing}."
        ),
        (
            "Los precios se llevan exactos a la millonésima, porque un segundo cuesta parte de un centavo. Aquí se"
            " redondean al centavo, y una columna puede parecer un centavo distinta. El mes empezó exactamente con"
            " {opening} y terminó con {closing}."
        ),
    ),
    "statement.fair": (
        (
            "You pay only for time in which sound and picture went both ways. Waiting, freezing and reconnecting are"
            " not charged."
        ),
        (
            "Usted paga solo el tiempo en que el sonido y la imagen iban en los dos sentidos. La espera, las imágenes"
            " congeladas y las reconexiones no se cobran."
        ),
    ),
    "statement.page": ("Page", "Página"),
    "statement.page_of": ("of", "de"),
    # why seconds were not charged
    "why.connecting": ("waiting for the connection", "esperando la conexión"),
    "why.unusable": ("sound or picture was missing", "faltaba el sonido o la imagen"),
    "why.free": ("your free minutes", "sus minutos gratis"),
    "why.included": ("this visit was free", "esta visita fue gratis"),
    # lines of a charge
    "line.connection_fee": ("connection fee", "cargo de conexión"),
    "line.per_visit": ("price of the visit", "precio de la visita"),
    "line.first_minute": ("first minute", "primer minuto"),
    "line.usage": ("of time", "de tiempo"),
    "line.facility_share": ("facility's share", "parte del centro"),
    "line.cap": ("legal price limit", "límite legal de precio"),
    "line.tax": ("tax", "impuesto"),
    "line.credit": ("given back", "devuelto"),
    # entries of the ledger
    "entry.deposit": ("Money put in", "Depósito"),
    "entry.visit": ("Visit", "Visita"),
    "entry.credit": ("Given back for the visit of {day}", "Devuelto por la visita del {day}"),
    "entry.correction": ("Correction of the visit of {day}", "Corrección de la visita del {day}"),
    "entry.withdrawal": ("Paid out", "Retiro"),
    "entry.refund": ("Account closed, paid out", "Cuenta cerrada, saldo pagado"),
    # codes of automatic credits
    "credit.mostly_unusable": ("most of the visit could not be seen or heard", "casi no se veía o no se oía"),
    # why a visit ended
    "reason.completed": ("ended", "terminó"),
    "reason.balance_exhausted": ("the money ran out", "se acabó el dinero"),
    "reason.time_limit": ("the time was up", "se acabó el tiempo"),
    "reason.schedule_end": ("the booked time was over", "terminó la hora reservada"),
    "reason.officer_terminated": ("an officer ended it", "un oficial la terminó"),
    "reason.family_left": ("you hung up", "usted colgó"),
    "reason.inmate_hung_up": ("the other side hung up", "la otra parte colgó"),
    "reason.no_answer": ("nobody answered", "nadie contestó"),
    "reason.rejected": ("declined", "rechazada"),
    "reason.media_failed": ("the connection failed", "falló la conexión"),
    "reason.node_crash": ("our system failed", "falló nuestro sistema"),
    "reason.trunk_error": ("the phone line failed", "falló la línea"),
}
